/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_RESOLVE_RESOLVE_H
#define CARREL_RESOLVE_RESOLVE_H

#include "facts/facts.h"
#include "plan/plan.h"
#include "policy/policy.h"
#include "util/diag.h"

/* An X server of the same app's that runs already. */
struct running_server {
    const char *kind;   /* what the registry says of it: INSTANCE_X_SERVER in an instance's info */
    const char *socket; /* on the host */
    const char *cookie; /* 16 bytes */
};

/* An app's own X server, which is to be shown in a window on the person's display. */
struct viewed_display {
    const char *socket; /* on the host */
    const char *cookie; /* 16 bytes */
    const char *title;  /* of the window: the app's id */
};

/* What is to be started, once the name that the person typed has been looked up. */
struct request {
    const char *app_id;
    const char *program;     /* absolute path on the host, or a bare name to be found in the
                                sandbox's PATH */
    const char *const *args; /* behind the program's own name, NULL-terminated; may be NULL */
    bool has_policy;         /* somebody has written one for this app */
    const char *cwd;         /* the caller's; used inside when it is visible there, else the home */
    int seccomp_fd;          /* the descriptor on which the core will find the filter */
    int terminal_fd; /* where it will find the socket for a terminal; 0: the app gets none */
    const char *terminal_streams; /* which of 0, 1 and 2 are that terminal, with commas */
    const char *instance; /* digits: the name of this run in the registry; NULL: it has none, and
                             no services */
    int supervisor_fd;    /* where it will find the supervisor of the instance; 0: it has none */
    const char *cookie;   /* 16 bytes that nobody can guess, for an X server; NULL: zeros will do */
    /* the app joins it where its own would be of this kind; NULL: none runs */
    const struct running_server *server;
    /* no app is started, but who shows this; program, args and cwd do not count; NULL: an app */
    const struct viewed_display *viewed;
    const char *libexec; /* the folder of Carrel's own programs on the host */
    const char
        *carrel; /* the program itself, for files that start apps; NULL: it cannot stand there */
};

enum resolve_result { RESOLVE_OK = 0, RESOLVE_WANTS_FACTS = 1, RESOLVE_REFUSED = -1 };

/*
 * Turns wishes into steps. A pure function of its arguments: it opens nothing, asks no environment
 * and starts nothing. RESOLVE_WANTS_FACTS: f->wanted names what to look at before the next call
 * (the plan is then incomplete and thrown away). RESOLVE_REFUSED: d has the errors.
 */
enum resolve_result resolve(const struct request *q, const struct policy *p, struct facts *f,
                            struct plan *out, struct diags *d);

/* resolve and facts_look in turn until there is a plan. */
enum resolve_result resolve_all(const struct request *q, const struct policy *p, struct facts *f,
                                struct plan *out, struct diags *d);

/*
 * What a start on this host would say of the policy's files, filesystems= and what it leads to,
 * without asking anything else of the host: for who reads a policy. The errors and warnings are
 * added to d; as with resolve_all, facts are looked at as they are needed. Of the request only
 * app_id and program count.
 */
void resolve_files(const struct request *q, const struct policy *p, struct facts *f,
                   struct diags *d);

#endif
