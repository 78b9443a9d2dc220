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
    {".aws", true, "keys"},
    {".kube", true, "keys"},
    {".docker", true, "keys"},
    {".config/gh", true, "keys"},
    {".config/gcloud", true, "keys"},
    {".config/rclone", true, "keys"},
    {".config/hub", true, "keys"},
    {".config/glab-cli", true, "keys"},
    {".config/containers", true, "keys"},
    {".config/sops", true, "keys"},
    {".config/age", true, "keys"},
    {".azure", true, "keys"},
    {".s3cfg", true, "keys"},
    {".boto", true, "keys"},
    {".terraform.d", true, "keys"},
    {".vault-token", true, "keys"},
    {".cargo/credentials", true, "keys"},
    {".cargo/credentials.toml", true, "keys"},
    {".gem/credentials", true, "keys"},
    {".local/share/networkmanagement", true, "keys"},
    {".cert", true, "keys"},
    {".password-store", true, "passwords"},
    {".local/share/keyrings", true, "passwords"},
    {".local/share/kwalletd", true, "passwords"},
    {".gnome2/keyrings", true, "passwords"},
    {".config/keepassxc", true, "passwords"},
    {".netrc", true, "passwords"},
    {".authinfo", true, "passwords"},
    {".authinfo.gpg", true, "passwords"},
    {".git-credentials", true, "passwords"},
    {".config/git/credentials", true, "passwords"},
    {".pgpass", true, "passwords"},
    {".my.cnf", true, "passwords"},
    {".mylogin.cnf", true, "passwords"},
    {".npmrc", true, "passwords"},
    {".yarnrc", true, "passwords"},
    {".yarnrc.yml", true, "passwords"},
    {".pypirc", true, "passwords"},
    {".pip", true, "passwords"},
    {".config/pip", true, "passwords"},
    {".m2", true, "passwords"},
    {".gradle", true, "passwords"},
    {".smbcredentials", true, "passwords"},
    {".vnc", true, "passwords"},
    {".x11vncrc", true, "passwords"},
    {".curlrc", true, "passwords"},
    {".config/curlrc", true, "passwords"},
    {".wgetrc", true, "passwords"},
    {".subversion", true, "passwords"},
    {".msmtprc", true, "passwords"},
    {".config/msmtp", true, "passwords"},
    {".mbsyncrc", true, "passwords"},
    {".config/isyncrc", true, "passwords"},
    {".fetchmailrc", true, "passwords"},
    {".getmail", true, "passwords"},
    {".offlineimaprc", true, "passwords"},
    {".config/offlineimap", true, "passwords"},
    {".composer", true, "passwords"},
    {".config/composer", true, "passwords"},
    {".config/filezilla", true, "passwords"},
    {".config/remmina", true, "passwords"},
    {".local/share/remmina", true, "passwords"},
    {".purple", true, "passwords"},
    {".irssi", true, "passwords"},
    {".weechat", true, "passwords"},
    {".config/weechat", true, "passwords"},
    {".config/hexchat", true, "passwords"},
    {".bash_history", true, "what you have typed"},
    {".zsh_history", true, "what you have typed"},
    {".local/share/fish", true, "what you have typed"},
    {".python_history", true, "what you have typed"},
    {".psql_history", true, "what you have typed"},
    {".mysql_history", true, "what you have typed"},
    {".sqlite_history", true, "what you have typed"},
    {".Xauthority", true, "the key to the display"},
    {".ICEauthority", true, "the key to the session"},
    {".mozilla", true, "another program's passwords"},
    {".thunderbird", true, "another program's passwords"},
    {".config/mozilla", true, "another program's passwords"},
    {".config/chromium", true, "another program's passwords"},
    {".config/google-chrome", true, "another program's passwords"},
    {".config/BraveSoftware", true, "another program's passwords"},
    {".config/vivaldi", true, "another program's passwords"},
    {".config/opera", true, "another program's passwords"},
    {".config/microsoft-edge", true, "another program's passwords"},
    {".local/share/epiphany", true, "another program's passwords"},
    {".config/epiphany", true, "another program's passwords"},
    {".local/share/falkon", true, "another program's passwords"},
    {".config/falkon", true, "another program's passwords"},
    {".config/qutebrowser", true, "another program's passwords"},
    {".local/share/qutebrowser", true, "another program's passwords"},
    {".local/share/evolution", true, "another program's passwords"},
    {".config/evolution", true, "another program's passwords"},
    {".config/goa-1.0", true, "another program's passwords"},
    {".local/share/geary", true, "another program's passwords"},
    {".config/geary", true, "another program's passwords"},
    {".claws-mail", true, "another program's passwords"},
    {".sylpheed-2.0", true, "another program's passwords"},
    {".config/Signal", true, "another program's passwords"},
    {".config/Element", true, "another program's passwords"},
    {".local/share/TelegramDesktop", true, "another program's passwords"},
    {".config/discord", true, "another program's passwords"},
    {".var/app", true, "other apps' homes"},
    {".config/carrel", true, "policies"},
    {".local/share/flatpak", true, "policies"},
    {".config/autostart", false, "what the next login starts"},
    {".config/autostart-scripts", false, "what the next login starts"},
    {".config/plasma-workspace", false, "what the next login starts"},
    {".config/systemd", false, "what the next login starts"},
    {".local/share/systemd", false, "what the next login starts"},
    {".xprofile", false, "what the next login starts"},
    {".xsession", false, "what the next login starts"},
    {".Xsession", false, "what the next login starts"},
    {".xsessionrc", false, "what the next login starts"},
    {".xinitrc", false, "what the next login starts"},
    {".xserverrc", false, "what the next login starts"},
    {".dmrc", false, "what the next login starts"},
    {".screenlayout", false, "what the next login starts"},
    {".config/lxsession", false, "what the next login starts"},
    {".config/lxqt", false, "what the next login starts"},
    {".config/sway", false, "what the next login starts"},
    {".config/i3", false, "what the next login starts"},
    {".i3", false, "what the next login starts"},
    {".config/hypr", false, "what the next login starts"},
    {".config/labwc", false, "what the next login starts"},
    {".config/openbox", false, "what the next login starts"},
    {".config/awesome", false, "what the next login starts"},
    {".config/bspwm", false, "what the next login starts"},
    {".config/sxhkd", false, "what the next login starts"},
    {".config/river", false, "what the next login starts"},
    {".config/qtile", false, "what the next login starts"},
    {".xmonad", false, "what the next login starts"},
    {".config/xmonad", false, "what the next login starts"},
    {".config/herbstluftwm", false, "what the next login starts"},
    {".fluxbox", false, "what the next login starts"},
    {".fvwm", false, "what the next login starts"},
    {".icewm", false, "what the next login starts"},
    {".config/user-dirs.dirs", false, "what the next login starts"},
    {".config/pulse", false, "what the next login starts"},
    {".config/pipewire", false, "what the next login starts"},
    {".config/wireplumber", false, "what the next login starts"},
    {".local/share/dbus-1", false, "what starts programs"},
    {".local/share/applications", false, "what starts programs"},
    {".config/menus", false, "what starts programs"},
    {".config/mimeapps.list", false, "what starts programs"},
    {".local/share/mime", false, "what starts programs"},
    {".mailcap", false, "what starts programs"},
    {".mime.types", false, "what starts programs"},
    {".xbindkeysrc", false, "what starts programs"},
    {".config/dconf", false, "what starts programs"},
    {".config/xfce4", false, "what starts programs"},
    {".config/kglobalshortcutsrc", false, "what starts programs"},
    {".config/khotkeysrc", false, "what starts programs"},
    {".config/waybar", false, "what starts programs"},
    {".config/Thunar", false, "what starts programs"},
    {".local/share/kio", false, "what starts programs"},
    {".local/share/kservices5", false, "what starts programs"},
    {".local/share/nautilus", false, "what starts programs"},
    {".local/share/nautilus-python", false, "what starts programs"},
    {".local/share/nemo", false, "what starts programs"},
    {".local/share/gnome-shell", false, "what starts programs"},
    {".local/share/cinnamon", false, "what starts programs"},
    {".local/share/plasma", false, "what starts programs"},
    {".local/share/kwin", false, "what starts programs"},
    {".conkyrc", false, "what starts programs"},
    {".config/conky", false, "what starts programs"},
    {".forward", false, "what starts programs"},
    {".procmailrc", false, "what starts programs"},
    {".mailfilter", false, "what starts programs"},
    {".rhosts", false, "what starts programs"},
    {".shosts", false, "what starts programs"},
    {".k5login", false, "what starts programs"},
    {".config/environment.d", false, "what every program reads"},
    {".pam_environment", false, "what every program reads"},
    {".Xresources", false, "what every program reads"},
    {".Xdefaults", false, "what every program reads"},
    {".gtkrc-2.0", false, "what every program reads"},
    {".config/gtk-3.0", false, "what every program reads"},
    {".config/gtk-4.0", false, "what every program reads"},
    {".local/bin", false, "programs"},
    {".local/lib", false, "programs"},
    {"bin", false, "programs"},
    {".cargo", false, "programs"},
    {"go/bin", false, "programs"},
    {".npm-global", false, "programs"},
    {".nvm", false, "programs"},
    {".rbenv", false, "programs"},
    {".pyenv", false, "programs"},
    {".rustup", false, "programs"},
    {".nix-profile", false, "programs"},
    {".bashrc", false, "what every shell runs"},
    {".bashrc.d", false, "what every shell runs"},
    {".bash_profile", false, "what every shell runs"},
    {".bash_login", false, "what every shell runs"},
    {".bash_logout", false, "what every shell runs"},
    {".bash_aliases", false, "what every shell runs"},
    {".bash_completion", false, "what every shell runs"},
    {".local/share/bash-completion", false, "what every shell runs"},
    {".inputrc", false, "what every shell runs"},
    {".profile", false, "what every shell runs"},
    {".zshrc", false, "what every shell runs"},
    {".zshenv", false, "what every shell runs"},
    {".zprofile", false, "what every shell runs"},
    {".zlogin", false, "what every shell runs"},
    {".zlogout", false, "what every shell runs"},
    {".zsh", false, "what every shell runs"},
    {".config/zsh", false, "what every shell runs"},
    {".oh-my-zsh", false, "what every shell runs"},
    {".config/fish", false, "what every shell runs"},
    {".kshrc", false, "what every shell runs"},
    {".mkshrc", false, "what every shell runs"},
    {".login", false, "what every shell runs"},
    {".logout", false, "what every shell runs"},
    {".cshrc", false, "what every shell runs"},
    {".tcshrc", false, "what every shell runs"},
    {".config/starship.toml", false, "what every shell runs"},
    {".lesskey", false, "what every shell runs"},
    {".config/lesskey", false, "what every shell runs"},
    {".lessfilter", false, "what every shell runs"},
    {".tmux.conf", false, "what another program runs"},
    {".tmux", false, "what another program runs"},
    {".config/tmux", false, "what another program runs"},
    {".screenrc", false, "what another program runs"},
    {".byobu", false, "what another program runs"},
    {".config/alacritty", false, "what another program runs"},
    {".config/kitty", false, "what another program runs"},
    {".config/foot", false, "what another program runs"},
    {".gitconfig", false, "what another program runs"},
    {".config/git", false, "what another program runs"},
    {".hgrc", false, "what another program runs"},
    {".config/hg", false, "what another program runs"},
    {".vimrc", false, "what another program runs"},
    {".gvimrc", false, "what another program runs"},
    {".vim", false, "what another program runs"},
    {".exrc", false, "what another program runs"},
    {".config/nvim", false, "what another program runs"},
    {".config/vim", false, "what another program runs"},
    {".local/share/nvim", false, "what another program runs"},
    {".emacs", false, "what another program runs"},
    {".emacs.el", false, "what another program runs"},
    {".emacs.d", false, "what another program runs"},
    {".config/emacs", false, "what another program runs"},
    {".nanorc", false, "what another program runs"},
    {".config/nano", false, "what another program runs"},
    {".config/helix", false, "what another program runs"},
    {".config/kak", false, "what another program runs"},
    {".config/micro", false, "what another program runs"},
    {".vscode", false, "what another program runs"},
    {".config/Code", false, "what another program runs"},
    {".config/VSCodium", false, "what another program runs"},
    {".config/mc", false, "what another program runs"},
    {".local/share/mc", false, "what another program runs"},
    {".config/ranger", false, "what another program runs"},
    {".config/vifm", false, "what another program runs"},
    {".config/lf", false, "what another program runs"},
    {".config/mpv", false, "what another program runs"},
    {".muttrc", false, "what another program runs"},
    {".mutt", false, "what another program runs"},
    {".config/mutt", false, "what another program runs"},
    {".config/neomutt", false, "what another program runs"},
    {".mailrc", false, "what another program runs"},
    {".gdbinit", false, "what another program runs"},
    {".config/gdb", false, "what another program runs"},
    {".lldbinit", false, "what another program runs"},
    {".pythonrc", false, "what another program runs"},
    {".pythonrc.py", false, "what another program runs"},
    {".pdbrc", false, "what another program runs"},
    {".ipython", false, "what another program runs"},
    {".config/ipython", false, "what another program runs"},
    {".jupyter", false, "what another program runs"},
    {".perldb", false, "what another program runs"},
    {".Rprofile", false, "what another program runs"},
    {".Renviron", false, "what another program runs"},
    {".irbrc", false, "what another program runs"},
    {".gemrc", false, "what another program runs"},
    {".psqlrc", false, "what another program runs"},
    {".sqliterc", false, "what another program runs"},
    {".ghci", false, "what another program runs"},
    {".ansible.cfg", false, "what another program runs"},
    {".devscripts", false, "what another program runs"},
    {".pbuilderrc", false, "what another program runs"},
    {".sbuildrc", false, "what another program runs"},
    {".quiltrc", false, "what another program runs"},
    {".config/direnv", false, "what another program runs"},
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

/* Whether the first name of a path below the home is there. */
static bool begins_there(const struct list_fact *home, const char *path)
{
    size_t n = strcspn(path, "/");
    for (size_t i = 0; i < home->n; i++)
        if (strncmp(home->names[i], path, n) == 0 && !home->names[i][n])
            return true;
    return !home->names; /* nobody lets us know */
}

/*
 * The row of `guarded` that it touches, or ARRAY_SIZE(guarded). By its name at first, whether it is
 * there or not; and those that are there may be links, as whoever keeps a folder of such files has
 * them.
 */
static size_t find_guarded(struct cli *c, const char *real, bool rw)
{
    const char *home = look(c, c->facts.home)->real, *paths[ARRAY_SIZE(guarded)];
    facts_list(&c->facts, c->facts.home);
    facts_look(&c->facts);
    const struct list_fact *names = facts_list(&c->facts, c->facts.home);
    size_t i;
    for (i = 0; i < ARRAY_SIZE(guarded); i++) {
        paths[i] = arena_printf(&c->arena, "%s/%s", home, guarded[i].path);
        if ((rw || guarded[i].to_read) && touches(real, paths[i]))
            return i;
        if (begins_there(names, guarded[i].path))
            facts_path(&c->facts, paths[i]);
    }
    facts_look(&c->facts);
    for (i = 0; i < ARRAY_SIZE(guarded); i++)
        if ((rw || guarded[i].to_read) && begins_there(names, guarded[i].path) &&
            touches(real, facts_path(&c->facts, paths[i])->real))
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
