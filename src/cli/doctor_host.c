/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel doctor: how the host is set up. */
#include "cli/doctor.h"

#include "facts/facts.h"
#include "limits/limits.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct finding good(const char *state)
{
    return (struct finding){HEALTH_GOOD, state, NULL, NULL};
}

static struct finding check_proc(const struct host *h)
{
    if (!host_has(h, "/proc/self"))
        return (struct finding){HEALTH_BAD, "not mounted", "Carrel cannot find itself",
                                "mount -t proc proc /proc as root"};
    /* A container covers parts of /proc; the kernel then forbids a new one inside (mount_too_
     * revealing in fs/namespace.c), unless a whole one is to be seen somewhere. */
    struct buf text = {.arena = h->arena};
    cleanup_fd int fd =
        open(arena_printf(h->arena, "%s/proc/self/mountinfo", h->root), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || file_read_fd(fd, 4 << 20, &text) < 0)
        return (struct finding){HEALTH_INFO, "mounts cannot be read", NULL, NULL};
    if (!strstr(text.data, " /proc/"))
        return good("whole");
    bool only_binfmt = true;
    for (char *at = text.data; (at = strstr(at, " /proc/")); at++)
        only_binfmt &= str_after(at, " /proc/sys/fs/binfmt_misc ") != NULL ||
                       str_after(at, " /proc/fs/nfsd ") != NULL;
    if (only_binfmt)
        return good("whole");
    return (struct finding){HEALTH_WEAK, "partly covered",
                            "in a container the kernel may refuse an app a /proc of its own",
                            "start the container with an uncovered /proc (docker: --security-opt "
                            "systempaths=unconfined)"};
}

static struct finding check_yama(const struct host *h)
{
    long long v = host_number(h, "/proc/sys/kernel/yama/ptrace_scope");
    if (v >= 1)
        return good(arena_printf(h->arena, "%lld", v));
    return (struct finding){
        HEALTH_INFO, v < 0 ? "not in this kernel" : "0",
        "unconfined programs of yours can read each other's memory; confined apps cannot reach "
        "them in any case",
        v < 0 ? NULL : "sysctl -w kernel.yama.ptrace_scope=1 as root"};
}

static struct finding check_tiocsti(const struct host *h)
{
    long long v = host_number(h, "/proc/sys/dev/tty/legacy_tiocsti");
    if (v == 0)
        return good("0");
    return (struct finding){
        HEALTH_INFO, v < 0 ? "no such switch: allowed" : "1",
        "a program can type into the terminal it runs in; confined apps have one of their own",
        v < 0 ? NULL : "sysctl -w dev.tty.legacy_tiocsti=0 as root"};
}

static struct finding check_lockdown(const struct host *h)
{
    const char *line = host_line(h, "/sys/kernel/security/lockdown");
    const char *chosen = line ? strchr(line, '[') : NULL;
    if (!chosen)
        return (struct finding){HEALTH_INFO, "not known",
                                "root can change the running kernel if it is off", NULL};
    const char *state = arena_strndup(h->arena, chosen + 1, strcspn(chosen + 1, "]"));
    if (!str_eq(state, "none"))
        return good(state);
    return (struct finding){HEALTH_INFO, "none", "root can change the running kernel",
                            "boot with Secure Boot on, or with lockdown=integrity"};
}

/* efivars(7): four bytes of attributes, then the value. */
static struct finding check_secure_boot(const struct host *h)
{
    struct buf v = {.arena = h->arena};
    const char *path = arena_printf(
        h->arena, "%s/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
        h->root);
    if (!host_has(h, "/sys/firmware/efi"))
        return (struct finding){HEALTH_INFO, "no UEFI", "the boot is not verified", NULL};
    if (file_read(path, 64, &v) < 0 || v.len < 5)
        return (struct finding){HEALTH_INFO, "not known", NULL, NULL};
    if (v.data[4] == 1)
        return good("on");
    return (struct finding){HEALTH_INFO, "off", "the boot is not verified",
                            "turn Secure Boot on in the firmware's menu"};
}

static struct finding mount_flags(const struct host *h, const char *path, const char *what)
{
    struct statvfs s;
    if (!h->tries || statvfs(path, &s) < 0)
        return (struct finding){HEALTH_INFO, "not tried", NULL, NULL};
    if (!(s.f_flag & ST_NOEXEC))
        return good("programs can be run");
    return (struct finding){
        HEALTH_INFO, "mounted noexec",
        arena_printf(h->arena, "no program can be run from %s, confined or not", what), NULL};
}

static struct finding check_home(const struct host *h)
{
    const char *home = getenv("HOME");
    if (!home || home[0] != '/')
        return (struct finding){HEALTH_WEAK, "$HOME is not set", "apps' homes are made below it",
                                "log in anew, or set HOME to your home"};
    if (h->tries && access(home, W_OK | X_OK) < 0)
        return (struct finding){HEALTH_BAD, arena_printf(h->arena, "%s: %s", home, strerror(errno)),
                                "an app's home is made in ~/.var/app",
                                errno == ENOENT || errno == ENOTDIR ? "set HOME to your home folder"
                                                                    : "make it writable"};
    return mount_flags(h, home, "your home");
}

/* As facts_gather() asks for it. */
static struct finding check_runtime_folder(const struct host *h)
{
    const char *told = getenv("XDG_RUNTIME_DIR"), *state = "$XDG_RUNTIME_DIR is not set";
    struct stat st;
    if (told && *told) {
        if (!h->tries)
            return (struct finding){HEALTH_INFO, "not tried", NULL, NULL};
        if (path_clean(h->arena, told) && lstat(told, &st) == 0 && S_ISDIR(st.st_mode) &&
            st.st_uid == getuid() && (st.st_mode & 0777) == 0700)
            return good(told);
        state = arena_printf(h->arena, "%s is no folder of yours alone", told);
    }
    return (struct finding){
        HEALTH_WEAK, state,
        "carrel ps, kill, enter and grant find no app; no bus, sound or X server of an app's own",
        "install libpam-systemd and log in anew, so that there is a folder /run/user/UID; or make "
        "one of mode 700 and set XDG_RUNTIME_DIR"};
}

static struct finding check_display(const struct host *h)
{
    const char *wayland = getenv("WAYLAND_DISPLAY"), *x = getenv("DISPLAY");
    if (wayland && *wayland)
        return good(arena_printf(h->arena, "Wayland, %s", wayland));
    if (x && *x && access("/usr/bin/Xephyr", X_OK) < 0)
        return (struct finding){
            HEALTH_WEAK, arena_printf(h->arena, "X11, %s, without Xephyr", x),
            "apps that need X do not start but with --x11=shared: X11 is no "
            "wall between programs, so each gets a server of its own",
            "install the package xserver-xephyr, or log in to a Wayland session"};
    if (x && *x)
        return (struct finding){HEALTH_INFO, arena_printf(h->arena, "X11, %s", x),
                                "X11 is no wall between programs: each gets a server of its own, "
                                "in a window",
                                "log in to a Wayland session"};
    return (struct finding){HEALTH_INFO, "none", "programs with windows find no display",
                            "start a graphical session, or: xvfb-run carrel run APP"};
}

/* ---- control groups ---- */

static struct finding no_control_groups(const struct host *h)
{
    const char *meaning = "no app can be limited in memory or processor time; a policy that says "
                          "so without optional= does not start";
    if (!host_has(h, "/sys/fs/cgroup/cgroup.controllers"))
        return (struct finding){HEALTH_INFO, "none of version 2 with limits", meaning,
                                "boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all on "
                                "the kernel's command line"};
    return (struct finding){
        HEALTH_INFO, "none that are yours", meaning,
        arena_printf(h->arena,
                     "install libpam-systemd and dbus-user-session and log in anew, so that your "
                     "systemd runs; without systemd, as root: cd /sys/fs/cgroup && echo '+cpu +io "
                     "+memory +pids' > cgroup.subtree_control && mkdir -p you/shell && chown -R %u "
                     "you && echo PID > you/shell/cgroup.procs, PID being that of your shell",
                     (unsigned)getuid())};
}

/* What of all that can be limited is not among them: "cpu and cpu-weight, ...". NULL: nothing. */
static const char *cannot_limit(const struct host *h, const char *kinds)
{
    static const char *const of[][2] = {{" memory ", "memory"},
                                        {" cpu ", "cpu, cpu-weight"},
                                        {" io ", "io-weight"},
                                        {" pids ", "processes, but by each user's number"}};
    struct buf out = {.arena = h->arena};
    for (size_t i = 0; i < ARRAY_SIZE(of); i++)
        if (!strstr(kinds, of[i][0]))
            buf_printf(&out, "%s%s", out.len ? ", " : "", of[i][1]);
    return out.len ? out.data : NULL;
}

static const char *by_whom(const struct host *h, const struct control_fact *c)
{
    const char *folder = c->folder ? c->folder + strlen(h->root) : NULL;
    if (!c->manager)
        return arena_printf(h->arena, "a part of the tree is yours, %s", folder);
    return folder ? arena_printf(h->arena, "by your systemd, else %s, which is yours", folder)
                  : "by your systemd";
}

/* Why systemd gives nothing although it is there, or NULL. */
static const char *silence_of_systemd(const struct host *h, const char *runtime_dir)
{
    const char *bus = getenv("DBUS_SESSION_BUS_ADDRESS");
    if (!h->tries)
        return NULL;
    if (!bus || !*bus)
        bus = arena_printf(h->arena, "unix:path=%s/bus", runtime_dir);
    struct limits_fault f = systemd_answers(h->arena, bus);
    return f.what ? arena_printf(h->arena, "%s: %s", f.what, strerror(f.error)) : NULL;
}

static struct finding check_control(const struct host *h)
{
    struct control_fact c;
    const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
    control_look(h->arena, h->root, getuid(), runtime_dir, &c);
    const char *silence = c.manager ? silence_of_systemd(h, runtime_dir) : NULL;
    bool known = c.kinds[strspn(c.kinds, " ")];
    if (silence)
        return (struct finding){
            HEALTH_INFO, arena_printf(h->arena, "your systemd gives none: %s", silence),
            c.folder ? arena_printf(h->arena, "they are made in %s, which is yours", c.folder)
                     : "a policy that limits memory or processor time without optional= does not "
                       "start",
            "install dbus-user-session and log in anew; systemctl --user status must answer"};
    if (!c.manager && (!c.folder || !known))
        return no_control_groups(h);
    if (!known)
        return good(by_whom(h, &c));
    const char *state =
        arena_printf(h->arena, "%s:%.*s", by_whom(h, &c), (int)strlen(c.kinds) - 1, c.kinds);
    const char *lacks = cannot_limit(h, c.kinds);
    if (!lacks)
        return good(state);
    return (struct finding){
        HEALTH_INFO, state, arena_printf(h->arena, "what cannot be limited: %s", lacks),
        c.manager
            ? "put [Service] and Delegate=cpu io memory pids, a line each, into "
              "/etc/systemd/system/user@.service.d/carrel.conf as root, and log in anew"
            : "echo '+cpu +io +memory +pids' > cgroup.subtree_control as root, in each folder "
              "above that one"};
}

const struct check doctor_host_checks[] = {
    {"proc", "/proc", check_proc},
    {"home", "home", check_home},
    {"runtime", "runtime folder", check_runtime_folder},
    {"display", "display", check_display},
    {"yama", "kernel.yama.ptrace_scope", check_yama},
    {"tiocsti", "dev.tty.legacy_tiocsti", check_tiocsti},
    {"lockdown", "kernel lockdown", check_lockdown},
    {"secure-boot", "Secure Boot", check_secure_boot},
    {"control-groups", "control groups", check_control},
    {NULL, NULL, NULL},
};
