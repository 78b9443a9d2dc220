/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_FACTS_FACTS_H
#define CARREL_FACTS_FACTS_H

#include "util/arena.h"
#include "util/buf.h"
#include "x11/xauth.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A snapshot of what the planner may know of this host. Gathered once per start by facts_gather
 * and facts_look, or read from its text form (the fixtures of the golden tests). Knows no policy
 * and no plan.
 *
 * Which paths matter depends on the policy, so paths are gathered on demand: resolve asks
 * facts_path for a path that is not in the snapshot, the path is noted in `wanted`, and the driver
 * looks at all wanted paths and resolves again. With a fixture, what is not in it is absent.
 */
enum file_type {
    FILE_ABSENT,
    FILE_REGULAR,
    FILE_DIR,
    FILE_SOCKET,
    FILE_CHAR,
    FILE_BLOCK,
    FILE_FIFO,
    FILE_ERROR /* not to be looked at: `error` says why (EACCES, ELOOP …) */
};

/* A symbolic link met on the way to a path. */
struct link_hop {
    const char *path;   /* the link itself, its parents already resolved */
    const char *target; /* as readlink gives it */
};

struct path_fact {
    const char *path;
    enum file_type type; /* of what the path leads to, links followed */
    const char *real;    /* the path without symbolic links; equal to path when there are none;
                            for FILE_ABSENT the resolved part plus the rest */
    uint64_t dev, ino;   /* of real */
    mode_t mode;         /* permission bits */
    uid_t uid;
    int error;
    /* access(2) as the caller; only facts_access asks the kernel, else see access_known */
    bool access_known, accessible_r, accessible_w, accessible_x;
    const struct link_hop *hops;
    size_t n_hops;
};

struct list_fact {
    const char *path;
    const char **names; /* sorted; without . and .. */
    size_t n;
};

/* Whether there is a folder, and no link on the way: all that can be known without asking the
 * filesystem that is mounted there, whose server may be gone. */
struct folder_fact {
    const char *path;
    bool is_folder;
};

enum wanted_kind {
    WANTED_PATH,
    WANTED_FOLDER,
    WANTED_LIST,
    WANTED_ACCESS,
    WANTED_DOCUMENTS, /* path: the bus' socket */
    WANTED_LOOKS,     /* no path, as the rest */
    WANTED_UNTRUSTED,
    WANTED_CONTROL,
};

struct wanted_fact {
    enum wanted_kind kind;
    uint32_t hash; /* of path */
    const char *path;
};

struct env_fact {
    const char *name, *value;
    bool asked; /* somebody called facts_env for it: it belongs into the text form */
};

/*
 * How the person's programs look and where a file opens: a setting that every app may know. Which
 * ones there are stands in the table of looks.c; nothing else of these files is a fact.
 */
enum look_file {
    LOOK_DCONF, /* GSettings: the group is a path, the value GVariant text */
    LOOK_GTK2,  /* ~/.gtkrc-2.0; the group is empty */
    LOOK_GTK3,  /* settings.ini */
    LOOK_GTK4,
    LOOK_KDE, /* kdeglobals */
    LOOK_KDE_INPUT,
    LOOK_QT5CT,
    LOOK_QT6CT,
    LOOK_MIME, /* mimeapps.list */
    LOOK_X,    /* ~/.Xdefaults; the group is empty */
    LOOK_FILES
};

struct look_fact {
    enum look_file file;
    const char *group, *key, *value;
};

/*
 * What the host's X server gives an app that it is not to trust: a cookie of its own, by the
 * SECURITY extension. Made when it is asked for the first time, and only where something will be
 * started (cookies_are_made); else its bytes are zeros.
 */
struct untrusted_fact {
    bool known;
    struct xauth_fact cookie; /* name NULL: there is none */
    const char *obstacle;     /* why not */
    int held; /* a connection made with it, to be kept open for as long as it must last; or -1 */
};

/* Who may put processes of the person's into control groups (cgroups(7), version 2). */
struct control_fact {
    bool known;
    bool manager;       /* the person's systemd has them */
    const char *folder; /* where we may make some ourselves, or NULL */
    /* the controllers that either has, " cpu io memory pids "; " " with a manager: not known */
    const char *kinds;
};

struct facts {
    struct arena *arena;
    bool fixture; /* from a text: nothing more can be looked at */

    uid_t uid;
    gid_t gid;
    const char *user; /* login name, always set */
    const char *home; /* absolute, normalised, as $HOME says */
    const char
        *runtime_dir; /* $XDG_RUNTIME_DIR when it is a folder of ours with mode 0700, or NULL */
    uint32_t memory;  /* of the machine, in MiB; 0: not known */
    const char *hostname;
    const char *kernel;          /* "6.18.0" */
    int landlock_abi;            /* 0: none */
    const char *userns_obstacle; /* NULL: user namespaces work as far as the switches tell */
    const char *user_dirs[8]; /* indexed by FS_XDG_DESKTOP.. order; NULL when unset or the home */

    struct env_fact *env;
    size_t n_env, cap_env;
    struct path_fact *paths;
    size_t n_paths, cap_paths;
    uint32_t *path_index; /* open hash table: position in paths + 1, 0: free */
    size_t path_index_size;
    struct list_fact *lists;
    size_t n_lists, cap_lists;
    struct folder_fact *folders;
    size_t n_folders, cap_folders;
    struct xauth_fact xauth; /* for $DISPLAY */
    struct untrusted_fact untrusted;
    bool cookies_are_made;
    bool documents_known, documents; /* see facts_documents */
    struct control_fact control;
    bool looks_known;
    struct look_fact *looks; /* those of one file together, those of one group of it too */
    size_t n_looks, cap_looks;

    struct wanted_fact *wanted; /* asked for and not known */
    size_t n_wanted, cap_wanted;
};

/* The part that does not depend on the policy. environ_ is the caller's environment. */
void facts_gather(struct facts *f, char *const environ_[]);
/* Looks at everything in `wanted` and empties it. */
void facts_look(struct facts *f);

/* A file, its links followed. Never NULL: unknown paths give an absent fact and are noted. */
const struct path_fact *facts_path(struct facts *f, const char *path);
/* The same, with the access bits filled in. */
const struct path_fact *facts_access(struct facts *f, const char *path);
/* Names in a folder; NULL names and n = 0 when it is unknown, absent or no folder. Never NULL. */
const struct list_fact *facts_list(struct facts *f, const char *path);
/* Whether a folder is at path itself. Never waits for a filesystem that is mounted there, as
 * facts_path does; for paths of which nothing else is asked. */
bool facts_folder(struct facts *f, const char *path);
/* f->looks, asked for the first time (else one asks for nothing that is not needed). */
const struct look_fact *facts_looks(struct facts *f, size_t *n);
/* Never NULL; unknown: as if there were none. */
const struct untrusted_fact *facts_untrusted(struct facts *f);
/* Whether the document portal has its folder at doc in runtime_dir. It is started for that, by the
 * session's bus, whose socket is at bus. */
bool facts_documents(struct facts *f, const char *bus);
/* The same look without a plan; root: "" or a folder that stands for /. */
void control_look(struct arena *a, const char *root, uid_t uid, const char *runtime_dir,
                  struct control_fact *to);
/* f->control, asked for the first time. */
const struct control_fact *facts_control(struct facts *f);
/* NULL when not set. */
const char *facts_env(const struct facts *f, const char *name);

/* The text form ("carrel-facts 1", one fact a line, words escaped as in a plan; the grammar stands
 * in text.c). Only variables of the environment that somebody asked for are kept. */
void facts_write(const struct facts *f, struct buf *out);
/* Returns 0; or -1 with *line and *error set. A later line about the same thing replaces an
 * earlier one, so that fixtures can be put together from parts. */
int facts_read(struct facts *f, const char *text, size_t size, int *line, const char **error);

/* ---- small parsers of what a host says; pure ---- */

/*
 * path made absolute and clean: no empty, "." or trailing parts. NULL when it is not absolute, has
 * a ".." part (its meaning would depend on links) or is longer than PATH_MAX. In the arena.
 */
const char *path_clean(struct arena *a, const char *path);

/* $DISPLAY as Xlib reads it: [HOST][/unix]:NUMBER[.SCREEN] */
struct x_display {
    bool local; /* reached by a unix socket */
    unsigned number;
    const char *rest; /* ".SCREEN" or "", inside the text */
};
/* Returns false when text is no such name (a launchd path, no number …). */
bool display_parse(const char *text, struct x_display *out);

/* Reads a user-dirs.dirs file (xdg-user-dirs(1)) into dirs[8], in the order of f->user_dirs; what
 * is the home itself, relative or malformed stays as it is. */
void user_dirs_parse(struct arena *a, const char *home, const char *text, size_t size,
                     const char *dirs[8]);

#endif
