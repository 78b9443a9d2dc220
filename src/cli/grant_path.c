/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which paths may come into an app's sight while it runs. Some would break its sandbox, others
 * would give it away: policies, other apps' homes, what starts programs at the next login, keys.
 */
#include "cli/grant.h"

#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The sandbox has these of its own, or they are no files. */
static const char *const own_folders[] = {"/usr",    "/etc",  "/dev", "/proc",   "/sys",
                                          "/bin",    "/sbin", "/lib", "/lib32",  "/lib64",
                                          "/libx32", "/run",  "/app", "/var/run"};

/* Below the home. What is read there gives secrets away; what is written there runs later. */
static const struct {
    const char *path;
    bool to_read; /* else only to write */
    const char *what;
} guarded[] = {
    {".ssh", true, "keys"},
    {".gnupg", true, "keys"},
    {".pki", true, "keys"},
    {".password-store", true, "passwords"},
    {".local/share/keyrings", true, "passwords"},
    {".local/share/kwalletd", true, "passwords"},
    {".aws", true, "keys"},
    {".kube", true, "keys"},
    {".docker", true, "keys"},
    {".netrc", true, "passwords"},
    {".git-credentials", true, "passwords"},
    {".config/git/credentials", true, "passwords"},
    {".config/gh", true, "keys"},
    {".Xauthority", true, "the key to the display"},
    {".ICEauthority", true, "the key to the session"},
    {".mozilla", true, "another program's passwords"},
    {".thunderbird", true, "another program's passwords"},
    {".config/chromium", true, "another program's passwords"},
    {".config/google-chrome", true, "another program's passwords"},
    {".var/app", true, "other apps' homes"},
    {".config/carrel", true, "policies"},
    {".local/share/flatpak", true, "policies"},
    {".config/autostart", false, "what the next login starts"},
    {".config/autostart-scripts", false, "what the next login starts"},
    {".config/plasma-workspace", false, "what the next login starts"},
    {".config/systemd", false, "what the next login starts"},
    {".local/share/systemd", false, "what the next login starts"},
    {".local/share/dbus-1", false, "what starts programs"},
    {".local/share/applications", false, "what starts programs"},
    {".config/environment.d", false, "what every program reads"},
    {".local/bin", false, "programs"},
    {"bin", false, "programs"},
    {".bashrc", false, "what every shell runs"},
    {".bash_profile", false, "what every shell runs"},
    {".bash_login", false, "what every shell runs"},
    {".bash_logout", false, "what every shell runs"},
    {".bash_aliases", false, "what every shell runs"},
    {".profile", false, "what every shell runs"},
    {".zshrc", false, "what every shell runs"},
    {".zshenv", false, "what every shell runs"},
    {".zprofile", false, "what every shell runs"},
    {".zlogin", false, "what every shell runs"},
    {".zlogout", false, "what every shell runs"},
    {".config/fish", false, "what every shell runs"},
    {".kshrc", false, "what every shell runs"},
    {".login", false, "what every shell runs"},
    {".cshrc", false, "what every shell runs"},
    {".tcshrc", false, "what every shell runs"},
    {".xprofile", false, "what the next login starts"},
    {".xsession", false, "what the next login starts"},
    {".xsessionrc", false, "what the next login starts"},
    {".xinitrc", false, "what the next login starts"},
    {".pam_environment", false, "what every program reads"},
    {".gitconfig", false, "what another program runs"},
    {".config/git", false, "what another program runs"},
    {".vimrc", false, "what another program runs"},
    {".vim", false, "what another program runs"},
    {".emacs", false, "what another program runs"},
    {".emacs.d", false, "what another program runs"},
};

const char *grant_path(struct cli *c, const char *word)
{
    const char *whole = word;
    if (word[0] != '/') {
        char *cwd = getcwd(NULL, 0);
        whole = arena_printf(&c->arena, "%s/%s", cwd ? cwd : "", word);
        free(cwd);
    }
    const char *clean = path_clean(&c->arena, whole);
    if (!clean)
        cli_fail(c, "write it from the root on, without \"..\"", "\"%s\" cannot be granted", word);
    else if (!clean[1])
        cli_fail(c, "grant the folders of yours that it needs", "/ as a whole cannot be granted");
    return clean && clean[1] ? clean : NULL;
}

static const struct path_fact *look(struct cli *c, const char *path)
{
    facts_path(&c->facts, path);
    facts_look(&c->facts);
    return facts_path(&c->facts, path);
}

static bool touches(const char *a, const char *b)
{
    return path_within(a, b) || path_within(b, a);
}

/* A link that lies in a folder of the person's may be another app's work: its word is not taken. */
static const char *doubtful_link(struct cli *c, const struct path_fact *p)
{
    for (size_t i = 0; i < p->n_hops; i++) {
        struct stat st;
        const char *slash = strrchr(p->hops[i].path, '/');
        const char *folder =
            slash == p->hops[i].path
                ? "/"
                : arena_strndup(&c->arena, p->hops[i].path, (size_t)(slash - p->hops[i].path));
        if (stat(folder, &st) < 0 || st.st_uid != 0 || st.st_mode & 022 ||
            path_within(folder, c->facts.home))
            return p->hops[i].path;
    }
    return NULL;
}

const char *grant_link(struct cli *c, const char *path)
{
    return doubtful_link(c, look(c, path));
}

static int check_links(struct cli *c, const struct path_fact *p, bool force)
{
    const char *link = force ? NULL : doubtful_link(c, p);
    return link ? cli_fail(c, arena_printf(&c->arena, "if you mean that, grant %s", p->real),
                           "%s is a symbolic link, which a program may have put there", link)
                : 0;
}

/* What no --force opens. */
static int check_place(struct cli *c, const char *app, const char *real)
{
    const char *own_home = look(c, cli_app_home(c, app))->real;
    for (size_t i = 0; i < ARRAY_SIZE(own_folders); i++)
        if (path_within(real, own_folders[i]) && !path_within(real, "/run/media"))
            return cli_fail(c, "grants are for files of yours; a policy can name others",
                            "the app has a %s of its own", own_folders[i]);
    if (c->facts.runtime_dir && touches(real, look(c, c->facts.runtime_dir)->real))
        return cli_fail(c, "a policy can name single sockets: filesystems=xdg-run/NAME",
                        "%s is the session's runtime folder, with its sockets and the registry of "
                        "running apps",
                        real);
    if (path_within(real, own_home))
        return cli_fail(c, NULL, "%s lies in the app's own home, which it sees already", real);
    if (path_within(own_home, real))
        return cli_fail(c, "grant folders in it", "%s holds the app's own home", real);
    return 0;
}

/* The row of `guarded` that it touches, or ARRAY_SIZE(guarded). */
static size_t find_guarded(struct cli *c, const char *real, bool rw)
{
    const char *paths[ARRAY_SIZE(guarded)];
    size_t i;
    for (i = 0; i < ARRAY_SIZE(guarded); i++)
        facts_path(&c->facts,
                   paths[i] = arena_printf(&c->arena, "%s/%s", c->facts.home, guarded[i].path));
    facts_look(&c->facts);
    for (i = 0; i < ARRAY_SIZE(guarded); i++)
        if ((rw || guarded[i].to_read) && touches(real, facts_path(&c->facts, paths[i])->real))
            break;
    return i;
}

const char *grant_guarded(struct cli *c, const char *real, bool rw)
{
    size_t i = find_guarded(c, real, rw);
    return i < ARRAY_SIZE(guarded) ? guarded[i].what : NULL;
}

static int check_guarded(struct cli *c, const char *real, bool rw, bool force)
{
    size_t i = force ? ARRAY_SIZE(guarded) : find_guarded(c, real, rw);
    if (i == ARRAY_SIZE(guarded))
        return 0;
    return cli_fail(c, "give --force if it really shall", "%s would let the app %s %s/%s (%s)",
                    real, guarded[i].to_read ? "have" : "change", c->facts.home, guarded[i].path,
                    guarded[i].what);
}

static int open_it(const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                                 .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    return fd < 0 ? -errno : fd;
}

int grant_look(struct cli *c, const char *app, const char *word, bool rw, bool force,
               struct granted *out)
{
    struct stat st;
    const char *clean = grant_path(c, word);
    if (!clean)
        return EXIT_REFUSED;
    const struct path_fact *p = look(c, clean);
    if (p->type == FILE_ABSENT || p->type == FILE_ERROR)
        return cli_fail(c, "only what is there can be granted", "%s: %s", clean,
                        strerror(p->type == FILE_ABSENT ? ENOENT : p->error));
    if (p->type != FILE_REGULAR && p->type != FILE_DIR)
        return cli_fail(c, "sockets and devices are granted by the policy",
                        "%s is neither a file nor a folder", clean);
    int r = check_links(c, p, force);
    if (r == 0)
        r = check_place(c, app, p->real);
    if (r == 0)
        r = check_guarded(c, p->real, rw, force);
    if (r)
        return r;
    *out = (struct granted){p->real, open_it(p->real), rw};
    if (out->fd < 0)
        return cli_fail(c, NULL, "cannot open %s: %s", p->real, strerror(-out->fd));
    if (fstat(out->fd, &st) < 0 || st.st_dev != p->dev || st.st_ino != p->ino)
        return cli_fail(c, NULL, "%s was replaced meanwhile", p->real);
    return 0;
}
