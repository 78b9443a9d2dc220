/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bwrap/bwrap.h"
#include "util/str.h"

#include <stdlib.h>

/* The values of bind's rows: device nodes work, read-only, may be missing. */
enum { BIND, BIND_DEV, BIND_RO, BIND_TRY = 4 };

/* The order is that of --help. */
const struct option bwrap_options[] = {
    {"--help", "", "Show this text", .take = take_flag, .value = HELP},
    {"--version", "", "Show the version", .take = take_flag, .value = VERSION},
    {"--args", "FD", "Read more options from FD, a NUL behind each", .take = take_args},
    {"--argv0", "VALUE", "The name that the program is given for itself", .take = take_argv0,
     .quirks = ONE_ARGUMENT},
    {"--level-prefix", "", "Begin messages with a level, as <3>", .take = take_flag,
     .value = LEVEL_PREFIX},
    {"--unshare-all", "", "A new namespace of each kind that there is", .take = take_flag,
     .value = WANT_ALL},
    {"--share-net", "", "Keep the network that --unshare-all would take away",
     .take = take_share_net, .value = WANT_NET},
    {"--unshare-user", "", "A new user namespace; always so if the caller is not root",
     .take = take_flag, .value = WANT_USER},
    {"--unshare-user-try", "", "The same, if it can be had", .take = take_flag,
     .value = WANT_USER_TRY},
    {"--unshare-ipc", "", "A new IPC namespace", .take = take_flag, .value = WANT_IPC},
    {"--unshare-pid", "", "A new process namespace", .take = take_flag, .value = WANT_PID},
    {"--unshare-net", "", "A new network namespace", .take = take_flag, .value = WANT_NET},
    {"--unshare-uts", "", "A new host name namespace", .take = take_flag, .value = WANT_UTS},
    {"--unshare-cgroup", "", "A new control group namespace", .take = take_flag,
     .value = WANT_CGROUP},
    {"--unshare-cgroup-try", "", "The same, if it can be had", .take = take_flag,
     .value = WANT_CGROUP_TRY},
    {"--userns", "FD", "Join the user namespace of FD (not with --unshare-user)", .take = take_fd,
     .value = FD_USERNS, .quirks = LAST_WINS},
    {"--userns2", "FD", "Go on to this user namespace when all is set up", .take = take_fd,
     .value = FD_USERNS2, .quirks = LAST_WINS},
    {"--disable-userns", "", "No further user namespaces inside (needs --unshare-user)",
     .take = take_flag, .value = DISABLE_USERNS},
    {"--assert-userns-disabled", "", "Fail if further user namespaces can be made inside",
     .take = take_flag, .value = ASSERT_USERNS},
    {"--pidns", "FD", "Join the process namespace of FD; --unshare-pid makes one below it",
     .take = take_fd, .value = FD_PIDNS, .quirks = LAST_WINS},
    {"--uid", "UID", "The user inside (needs --unshare-user or --userns)", .take = take_id,
     .value = 0, .quirks = LAST_WINS},
    {"--gid", "GID", "The group inside (needs --unshare-user or --userns)", .take = take_id,
     .value = 1, .quirks = LAST_WINS},
    {"--hostname", "NAME", "The host name inside (needs --unshare-uts)", .take = take_text,
     .value = 1, .quirks = LAST_WINS},
    {"--chdir", "DIR", "The folder to start in", .take = take_text, .value = 0,
     .quirks = ONE_ARGUMENT | LAST_WINS},
    {"--clearenv", "", "Unset all variables", .take = take_clearenv},
    {"--setenv", "VAR VALUE", "Set a variable", .take = take_setenv},
    {"--unsetenv", "VAR", "Unset a variable", .take = take_unsetenv},
    {"--lock-file", "DEST", "Hold a read lock on DEST while the sandbox is there",
     .take = take_lock},
    {"--sync-fd", "FD", "Keep FD open while the sandbox is there", .take = take_list_fd,
     .value = 0},
    {"--bind", "SRC DEST", "SRC of the host on DEST", .make = make_bind, .value = BIND},
    {"--bind-try", "SRC DEST", "The same, unless SRC is missing", .make = make_bind,
     .value = BIND | BIND_TRY},
    {"--dev-bind", "SRC DEST", "SRC of the host on DEST, device nodes working", .make = make_bind,
     .value = BIND_DEV},
    {"--dev-bind-try", "SRC DEST", "The same, unless SRC is missing", .make = make_bind,
     .value = BIND_DEV | BIND_TRY},
    {"--ro-bind", "SRC DEST", "SRC of the host on DEST, read-only", .make = make_bind,
     .value = BIND_RO},
    {"--ro-bind-try", "SRC DEST", "The same, unless SRC is missing", .make = make_bind,
     .value = BIND_RO | BIND_TRY},
    {"--bind-fd", "FD DEST", "What FD has open on DEST", .make = make_bind_fd, .value = BIND},
    {"--ro-bind-fd", "FD DEST", "The same, read-only", .make = make_bind_fd, .value = BIND_RO},
    {"--remount-ro", "DEST", "Make the mount on DEST read-only, not those below it",
     .make = make_remount_ro, .quirks = ONE_ARGUMENT},
    {"--overlay-src", "SRC", "A lower layer of the next overlay; the first is the lowest",
     .take = take_layer, .quirks = MODIFIES},
    {"--overlay", "RWSRC WORKDIR DEST", "An overlay on DEST; RWSRC gets what is written",
     .make = make_overlay, .value = 0, .quirks = USES_LAYERS},
    {"--tmp-overlay", "DEST", "An overlay on DEST; what is written is gone in the end",
     .make = make_overlay, .value = 1, .quirks = USES_LAYERS},
    {"--ro-overlay", "DEST", "A read-only overlay on DEST", .make = make_overlay, .value = 2,
     .quirks = USES_LAYERS},
    {"--exec-label", "LABEL", "The program's SELinux label", .take = take_label, .value = 0,
     .quirks = LAST_WINS},
    {"--file-label", "LABEL", "The SELinux label of what is made", .take = take_label, .value = 1,
     .quirks = LAST_WINS},
    {"--proc", "DEST", "A procfs on DEST", .make = make_proc},
    {"--dev", "DEST", "A small /dev on DEST", .make = make_dev},
    {"--tmpfs", "DEST", "A new tmpfs on DEST", .make = make_tmpfs,
     .quirks = USES_PERMS | USES_SIZE},
    {"--mqueue", "DEST", "The message queues on DEST", .make = make_mqueue},
    {"--dir", "DEST", "A folder at DEST", .make = make_dir, .quirks = USES_PERMS},
    {"--file", "FD DEST", "A file at DEST with what FD gives", .make = make_file,
     .quirks = USES_PERMS},
    {"--bind-data", "FD DEST", "The same, as a file of its own that is mounted on DEST",
     .make = make_bind_data, .value = BIND, .quirks = USES_PERMS},
    {"--ro-bind-data", "FD DEST", "The same, read-only", .make = make_bind_data, .value = BIND_RO,
     .quirks = USES_PERMS},
    {"--symlink", "SRC DEST", "A symbolic link to SRC at DEST", .make = make_symlink},
    {"--seccomp", "FD", "Install the system-call filter that FD gives (the last one)",
     .take = take_fd, .value = FD_SECCOMP, .quirks = LAST_WINS},
    {"--add-seccomp-fd", "FD", "The same, as often as it is given", .take = take_list_fd,
     .value = 1},
    {"--block-fd", "FD", "Start when FD has something to read", .take = take_fd, .value = FD_BLOCK,
     .quirks = LAST_WINS},
    {"--userns-block-fd", "FD", "Others write the id maps; go on when FD has something to read",
     .take = take_fd, .value = FD_USERNS_BLOCK, .quirks = LAST_WINS},
    {"--info-fd", "FD", "Tell FD about the sandbox, in JSON", .take = take_fd, .value = FD_INFO,
     .quirks = LAST_WINS},
    {"--json-status-fd", "FD", "Tell FD about the sandbox and its end, a line of JSON each",
     .take = take_fd, .value = FD_JSON, .quirks = LAST_WINS},
    {"--new-session", "", "A new terminal session", .take = take_flag, .value = NEW_SESSION},
    {"--die-with-parent", "", "Kill the program when bwrap or bwrap's parent dies",
     .take = take_flag, .value = DIE_WITH_PARENT},
    {"--as-pid-1", "", "The program itself is process 1 (needs --unshare-pid)", .take = take_flag,
     .value = AS_PID_1},
    {"--cap-add", "CAP", "Keep the capability CAP, or ALL", .take = take_cap, .value = 0},
    {"--cap-drop", "CAP", "Lay down the capability CAP, or ALL", .take = take_cap, .value = 1},
    {"--perms", "OCTAL", "The mode of what the next option makes", .take = take_perms,
     .quirks = MODIFIES},
    {"--size", "BYTES", "The size of the next --tmpfs", .take = take_size, .quirks = MODIFIES},
    {"--chmod", "OCTAL PATH", "Change the mode of PATH, which must be there", .make = make_chmod},
    {"--not-a-security-boundary", "", "Accepted; here nothing needs it", .take = take_flag,
     .value = NO_BOUNDARY},
    {"--print-plan", "", "Show the steps that would be taken, and take none", .take = take_flag,
     .value = PRINT_PLAN, .quirks = OURS},
    {"--explain-errors", "", "Say more about an error, in a second line", .take = take_flag,
     .value = EXPLAIN, .quirks = OURS},
    {"--end-together", "", "End all processes of the sandbox with the program", .take = take_flag,
     .value = END_TOGETHER, .quirks = OURS},
    {"--netns", "FD", "Join the network namespace of FD (not with --unshare-net)", .take = take_fd,
     .value = FD_NETNS, .quirks = LAST_WINS | OURS},
    {"--limit", "NAME VALUE", "A resource limit, as in nofile 256 or as unlimited",
     .take = take_limit, .quirks = OURS},
    {"--forward-signals", "", "Hand TERM, INT, HUP, QUIT, USR1, USR2 and WINCH on to the program",
     .take = take_flag, .value = FORWARD_SIGNALS, .quirks = OURS},
    {"--own-tty", "", "A terminal of its own (needs --unshare-pid and --dev)", .take = take_flag,
     .value = OWN_TTY, .quirks = OURS},
    {"--subids", "", "Map the caller's subordinate ids as well, see subuid(5)", .take = take_flag,
     .value = SUBIDS, .quirks = OURS},
    {"--landlock", "RIGHTS SCOPES", "Deny these by Landlock, where nothing allows them",
     .make = make_landlock, .value = 0, .quirks = OURS},
    {"--landlock-allow", "PATH RIGHTS", "Allow these below PATH", .make = make_landlock, .value = 1,
     .quirks = OURS},
    {"--drop-caller-caps", "", "Lay the caller's capabilities down, instead of refusing them",
     .take = take_flag, .value = DROP_CALLER_CAPS, .quirks = OURS},
};
const size_t bwrap_n_options = ARRAY_SIZE(bwrap_options);

int bwrap_fail(struct wishes *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    w->error = arena_vprintf(w->arena, fmt, ap);
    va_end(ap);
    return -1;
}

static int count_args(const struct option *o)
{
    int n = *o->args != '\0';
    for (const char *c = o->args; *c; c++)
        n += *c == ' ';
    return n;
}

/* Name number i of the arguments; *n is its length. */
static const char *arg_name(const struct option *o, int i, size_t *n)
{
    const char *c = o->args;
    for (; i; i--)
        c = strchr(c, ' ') + 1;
    *n = strcspn(c, " ");
    return c;
}

static bool names_path(const char *name, size_t n)
{
    static const char *const names[] = {"SRC", "DEST", "DIR", "PATH", "RWSRC", "WORKDIR"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return true;
    return false;
}

static const char layers_wanted[] =
    "--overlay-src must be followed by another --overlay-src or one "
    "of --overlay, --tmp-overlay, or --ro-overlay";

static int check_layers(struct wishes *w, const struct option *o)
{
    bool two = str_eq(o->name, "--ro-overlay");
    if (w->n_layers < (two ? 2 : 1))
        return bwrap_fail(w, "%s requires at least %s --overlay-src", o->name, two ? "two" : "one");
    for (size_t i = 0; i < w->n_layers; i++)
        if (!*w->layers[i])
            return bwrap_fail(w, "--overlay-src does not take an empty path argument");
    return 0;
}

static int check_args(struct wishes *w, const struct option *o, char **arg, struct operation *op)
{
    static const char *const counts[] = {"", "an argument", "two arguments", "three arguments"};
    int need = count_args(o);
    if (o->take == take_layer && !arg[0])
        return bwrap_fail(w, "%s", layers_wanted);
    for (int i = 0; i < need; i++)
        if (!arg[i])
            return bwrap_fail(w, "%s takes %s", o->make == make_bind_fd ? "--bind-fd" : o->name,
                              o->quirks & ONE_ARGUMENT ? "one argument" : counts[need]);
    if (o->quirks & USES_LAYERS && check_layers(w, o) < 0)
        return -1;
    for (int i = 0; i < need; i++) {
        size_t n;
        const char *name = arg_name(o, i, &n);
        op->arg[i] = arg[i];
        if (names_path(name, n) && !*arg[i] && o->take != take_layer)
            return bwrap_fail(w, "%s does not take an empty path argument", o->name);
        if (o->make && n == 2 && memcmp(name, "FD", n) == 0 &&
            (op->fd = read_fd_number(w, arg[i])) < 0)
            return -1;
        if (o->make && n == 5 && memcmp(name, "OCTAL", n) == 0) {
            char *end;
            unsigned long mode = strtoul(arg[i], &end, 8);
            if (!*arg[i] || *end || mode > 07777)
                return bwrap_fail(w, "%s takes an octal argument <= 07777", o->name);
            op->perms = (int)mode;
        }
    }
    return 0;
}

static int note(struct wishes *w, const struct option *o, struct operation *op)
{
    if (o->quirks & USES_LAYERS) {
        op->layers = w->layers;
        op->n_layers = (unsigned)w->n_layers;
        w->layers = NULL;
        w->n_layers = w->cap_layers = 0;
    }
    if (o->quirks & USES_PERMS) {
        op->perms = w->perms;
        w->perms = -1;
    }
    if (o->quirks & USES_SIZE) {
        op->size = w->size;
        w->size = 0;
    }
    w->flags |= o->make == make_dev ? DEV : 0;
    w->ops = arena_grow(w->arena, w->ops, w->n_ops, &w->cap_ops, sizeof *w->ops);
    w->ops[w->n_ops++] = *op;
    return 0;
}

/* What a modifier was said for must have been able to use it. */
static int check_modifiers(struct wishes *w, const struct option *o)
{
    bool perms_or_size = o && (str_eq(o->name, "--perms") || str_eq(o->name, "--size"));
    if (w->perms >= 0 && o && !perms_or_size)
        return bwrap_fail(w, "--perms must be followed by an option that creates a file");
    if (w->size && o && !perms_or_size)
        return bwrap_fail(w, "--size must be followed by --tmpfs");
    if (w->n_layers && !(o && str_eq(o->name, "--overlay-src")))
        return bwrap_fail(w, "%s", layers_wanted);
    return 0;
}

static int take_debug(struct wishes *w, const char *value)
{
    if (str_eq(value, "print-assumed-kernel"))
        w->flags |= ASSUMED_KERNEL;
    else if (!str_eq(value, "force-openat-fallback") &&
             !str_eq(value, "force-mount-setattr-fallback"))
        return bwrap_fail(w, "Unknown --debug-opt value: %s", value);
    return 0;
}

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < bwrap_n_options; i++)
        if (str_eq(bwrap_options[i].name, name))
            return &bwrap_options[i];
    return NULL;
}

static int take_option(struct wishes *w, const struct option *o, char **arg)
{
    struct operation op = {.option = o, .perms = -1, .fd = -1, .number = w->number};
    size_t place = (size_t)(o - bwrap_options);
    if (check_args(w, o, arg, &op) < 0)
        return -1;
    if (o->quirks & LAST_WINS && w->given[place]++) {
        w->given[place] = 1;
        w->host->warn(w,
                      arena_printf(w->arena, "Only the last %s option will take effect", o->name));
    }
    if ((o->take ? o->take(w, o, arg) : note(w, o, &op)) < 0)
        return -1;
    return check_modifiers(w, o);
}

/* Stops at the command, or behind "--". Returns where, or NULL. */
static char **parse(struct wishes *w, char **arg)
{
    while (*arg) {
        const char *debug = str_after(*arg, "--debug-opt=");
        const struct option *o = debug ? NULL : find(*arg);
        if (!w->in_data)
            w->number++;
        if (str_eq(*arg, "--"))
            return check_modifiers(w, NULL) < 0 ? NULL : arg + 1;
        if (debug ? take_debug(w, debug) < 0 : o && take_option(w, o, arg + 1) < 0)
            return NULL;
        if (!o && !debug && **arg == '-') {
            bwrap_fail(w, "Unknown option %s", *arg);
            return NULL;
        }
        if (!o && !debug)
            break;
        if (w->flags & (HELP | VERSION | ASSUMED_KERNEL))
            return arg;
        int n = o ? count_args(o) : 0;
        w->number += w->in_data ? 0 : (unsigned)n;
        arg += n + 1;
    }
    return arg;
}

int take_args(struct wishes *w, const struct option *o, char **arg)
{
    char *data;
    size_t n;
    (void)o;
    if (w->in_data)
        return bwrap_fail(w, "--args not supported in arguments file");
    int fd = read_fd_number(w, arg[0]);
    if (fd < 0)
        return -1;
    int r = w->host->read_fd(w->arena, fd, &data, &n);
    if (r < 0)
        return bwrap_fail(w, "Can't read --args data: %s", strerror(-r));
    size_t count = 0;
    for (size_t i = 0; i < n; i += strlen(data + i) + 1)
        count++;
    char **list = arena_array(w->arena, count + 1, sizeof *list);
    count = 0;
    for (size_t i = 0; i < n; i += strlen(data + i) + 1)
        list[count++] = data + i;
    w->in_data = true;
    char **end = parse(w, list);
    w->in_data = false;
    return end ? 0 : -1;
}

int bwrap_parse(struct wishes *w, char **argv, char *const *env)
{
    for (int i = 0; i < FD_SETTINGS; i++)
        w->fds[i] = -1;
    w->uid = w->gid = w->perms = -1;
    w->caps = w->host->uid == 0 ? w->host->caps : 0;
    w->plan.arena = w->arena;
    w->given = arena_array(w->arena, bwrap_n_options, 1);
    env_init(w, env);
    char **end = parse(w, argv);
    if (!end || (!(w->flags & (HELP | VERSION | ASSUMED_KERNEL)) && check_modifiers(w, NULL) < 0))
        return -1;
    w->command = *end ? end : NULL;
    return 0;
}

void bwrap_help(struct buf *out, const char *program)
{
    buf_printf(out, "usage: %s [OPTIONS...] [--] COMMAND [ARGS...]\n\n", program);
    for (size_t i = 0; i < bwrap_n_options; i++) {
        const struct option *o = &bwrap_options[i];
        if (o->quirks & OURS && !(bwrap_options[i - 1].quirks & OURS))
            buf_str(out, "\nNot of bubblewrap:\n\n");
        const char *left = arena_printf(out->arena, "%s %s", o->name, o->args);
        buf_printf(out, "    %-28s %s\n", left, o->help);
    }
}
