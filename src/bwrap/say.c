/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/compat.h"
#include "core/sys.h"

/*
 * Faults in bubblewrap's words, as programs look for them on standard error. With --explain-errors
 * what else is known, the argument and our own words, follows in a second line.
 */
enum { ANY = PLAN_VERB_COUNT, NO_WORD = -1, DESTINATION = -2, SOURCE_ON_DESTINATION = -3 };

static const struct text {
    short verb, err; /* err 0: any, which is then named */
    const char *key; /* the system call, or see fits(); NULL: any */
    const char *text;
    short word; /* of the step, behind the text */
} texts[] = {
    {ANY, EINVAL, "clone",
     "Creating new namespace failed, likely because the kernel does not support user namespaces.",
     NO_WORD},
    {ANY, EPERM, "clone",
     "No permissions to create a new namespace, likely because the kernel does not allow "
     "non-privileged user namespaces. On e.g. debian this can be enabled with "
     "'sysctl kernel.unprivileged_userns_clone=1'.",
     NO_WORD},
    {ANY, ENOSPC, "clone",
     "Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded "
     "(ENOSPC)",
     NO_WORD},
    {ANY, 0, "clone", "Creating new namespace failed", NO_WORD},
    {ANY, 0, "self/uid_map", "setting up uid map", NO_WORD},
    {ANY, 0, "self/gid_map", "setting up gid map", NO_WORD},
    {ANY, 0, "self/setgroups", "error writing to setgroups", NO_WORD},
    {PLAN_LOOPBACK, 0, "socket", "loopback: Failed to create NETLINK_ROUTE socket", NO_WORD},
    {PLAN_LOOPBACK, 0, NULL, "loopback: Failed RTM_NEWLINK", NO_WORD},
    {PLAN_HOSTNAME, 0, NULL, "Can't set hostname to ", 0},
    {ANY, 0, "cannot make the parents", "Can't mkdir parents for ", DESTINATION},
    {ANY, 0, "mkdirat", "Can't create file ", DESTINATION},
    {ANY, 0, "mknodat", "Can't create file ", DESTINATION},
    {PLAN_DIR, 0, "the component", "Destination is not a directory ", 0},
    {ANY, 0, "the component", "Can't mount on symlink destination ", DESTINATION},
    {PLAN_CHMOD, 0, "cannot open %q", "Can't open ", 0},
    {PLAN_SEAL, 0, "cannot open %q", "Can't create file ", 0},
    {ANY, ENOTDIR, "cannot open %q", "Destination is not a directory ", DESTINATION},
    {PLAN_BIND, 0, "%q was replaced", "Race condition binding dirfd", NO_WORD},
    {PLAN_BIND, 0, "cannot open %q", "Can't open ", 1},
    {PLAN_BIND, 0, "openat", "Can't find source path ", 0},
    {PLAN_BIND, 0, "openat2", "Can't find source path ", 0},
    {PLAN_BIND, 0, "fstat", "Can't get type of source ", 0},
    {PLAN_BIND, EINVAL, "move_mount", "Destination is not a file ", 1},
    {PLAN_BIND_COPY, EINVAL, "move_mount", "Destination is not a file ", 0},
    {PLAN_BIND, 0, NULL, "Can't bind mount ", SOURCE_ON_DESTINATION},
    {PLAN_LAYER, 0, "openat", "Can't find source path ", 0},
    {PLAN_OVERLAY, 0, "upper", "Can't find source path ", 3},
    {PLAN_OVERLAY, 0, "work", "Can't find source path ", 4},
    {PLAN_OVERLAY, ELOOP, NULL, "Can't make overlay mount: Overlay directories may not overlap",
     NO_WORD},
    {PLAN_OVERLAY, 0, NULL, "Can't make overlay mount on ", 0},
    {PLAN_TMPFS, 0, NULL, "Can't mount tmpfs on ", 0},
    {PLAN_PROC, 0, NULL, "Can't mount proc on ", 0},
    {PLAN_DEVPTS, 0, NULL, "Can't mount devpts on ", 0},
    {PLAN_MQUEUE, 0, NULL, "Can't mount mqueue on ", 0},
    {PLAN_DIR, 0, NULL, "Can't create file ", 0},
    {PLAN_SEAL, 0, NULL, "Can't remount readonly on ", 0},
    {PLAN_COPY_FD, 0, "openat", "Can't create file ", 0},
    {PLAN_COPY_FD, 0, NULL, "Can't write data to file ", 0},
    {PLAN_BIND_COPY, 0, "move_mount", "Can't bind mount ", SOURCE_ON_DESTINATION},
    {PLAN_BIND_COPY, 0, NULL, "Can't write data to file ", 0},
    {PLAN_SYMLINK, 0, NULL, "Can't make symlink at ", 1},
    {PLAN_ENTER, 0, NULL, "Can't chdir to ", 0},
    {PLAN_JOIN, EINVAL, "Joining specified user",
     "Joining the specified user namespace failed, it might not be a descendant of the current "
     "user namespace.",
     NO_WORD},
    {PLAN_FILTER_FD, EINVAL, "seccomp",
     "Unable to set up system call filtering as requested: prctl(PR_SET_SECCOMP) reported EINVAL. "
     "(Hint: this requires a kernel configured with CONFIG_SECCOMP and CONFIG_SECCOMP_FILTER.)",
     NO_WORD},
    {PLAN_FILTER_FD, 0, "seccomp", "prctl(PR_SET_SECCOMP)", NO_WORD},
    {PLAN_FILTER_FD, 0, "the filter", "Invalid seccomp data, must be multiple of 8", NO_WORD},
    {PLAN_LOCK_FILE, 0, "openat", "Unable to open lock file ", 0},
    {PLAN_LOCK_FILE, 0, NULL, "Unable to lock file ", 0},
    {PLAN_NESTED_USERNS, 0, "the limit on",
     "creation of new user namespaces was not disabled as requested", NO_WORD},
    {PLAN_EXEC, 0, "execve", "execvp ", 0},
};

/* Where nothing was called, the key is how our own text begins, or the file that it names. */
static bool fits(const struct text *t, const char *call, const char *fmt, const char *file)
{
    if (!t->key)
        return true;
    return (call && !strcmp(t->key, call)) || !strncmp(fmt, t->key, strlen(t->key)) ||
           !strcmp(file, t->key);
}

static const struct text *find(const struct step *s, const char *call, long err, const char *fmt,
                               va_list ap)
{
    const char *file = strstr(fmt, "/proc/%s") ? va_arg(ap, const char *) : "";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct text *t = &texts[i];
        if ((t->verb == ANY || (s && t->verb == s->verb)) && (!t->err || t->err == -err) &&
            fits(t, call, fmt, file))
            return t;
    }
    return NULL;
}

/* As bubblewrap shows it, but for what a terminal would obey: the control characters, also those
 * that UTF-8 has in two bytes. */
static void put_text(struct line *l, const char *s)
{
    for (char c[2] = ""; *s; s++) {
        unsigned char byte = (unsigned char)(c[0] = *s);
        bool two = byte == 0xc2 && ((unsigned char)s[1] & 0xe0) == 0x80;
        if (byte < 0x20 || byte == 0x7f || two)
            put_escaped(l, s, two ? 2 : 1, "");
        else
            format(l, "%s", c);
        s += two;
    }
}

/* vformat's, where all that is put in is a path or the like. */
static void put_format(struct line *l, const char *fmt, va_list ap)
{
    if (!strstr(fmt, "%e")) {
        vformat(l, fmt, ap);
        return;
    }
    for (; *fmt; fmt++)
        if (*fmt == '%' && fmt++)
            put_text(l, va_arg(ap, const char *));
        else
            format(l, "%s", (char[2]){*fmt});
}

static void put_word(struct line *l, const struct step *s, int word)
{
    if (word == DESTINATION)
        word = s->verb == PLAN_BIND || s->verb == PLAN_SYMLINK;
    if (word == SOURCE_ON_DESTINATION) {
        if (s->verb == PLAN_BIND)
            put_word(l, s, 0);
        format(l, s->verb == PLAN_BIND ? " on " : "tmpfile on ");
        put_word(l, s, DESTINATION);
        format(l, ": Unable to mount source on destination");
        return;
    }
    put_text(l, s->w[word].s);
}

static const char *level = "";
static bool more;

void compat_say_how(bool prefixed, bool explained)
{
    level = prefixed ? "<3>" : "";
    more = explained;
}

/* As glibc says it, where musl has other words. */
static const char *error_text(long err)
{
    static const struct {
        int err;
        const char *text;
    } words[] = {
        {ELOOP, "Too many levels of symbolic links"},
        {EOPNOTSUPP, "Operation not supported"},
        {EIO, "Input/output error"},
        {ENOMEM, "Cannot allocate memory"},
        {EMFILE, "Too many open files"},
        {ENFILE, "Too many open files in system"},
        {EBUSY, "Device or resource busy"},
        {EXDEV, "Invalid cross-device link"},
        {ENAMETOOLONG, "File name too long"},
        {ENXIO, "No such device or address"},
        {EUSERS, "Too many users"},
        {EOVERFLOW, "Value too large for defined data type"},
        {ENOTTY, "Inappropriate ioctl for device"},
        {ESPIPE, "Illegal seek"},
        {EDEADLK, "Resource deadlock avoided"},
        {EREMOTE, "Object is remote"},
        {ECOMM, "Communication error on send"},
        {EREMCHG, "Remote address changed"},
        {ELIBACC, "Can not access a needed shared library"},
        {ELIBBAD, "Accessing a corrupted shared library"},
        {ELIBEXEC, "Cannot exec a shared library directly"},
        {EILSEQ, "Invalid or incomplete multibyte or wide character"},
        {ENOTCONN, "Transport endpoint is not connected"},
        {ESHUTDOWN, "Cannot send after transport endpoint shutdown"},
        {ETIMEDOUT, "Connection timed out"},
        {EHOSTUNREACH, "No route to host"},
        {ENETUNREACH, "Network is unreachable"},
        {EUCLEAN, "Structure needs cleaning"},
        {EDQUOT, "Disk quota exceeded"},
        {EHWPOISON, "Memory page has hardware error"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].err == err)
            return words[i].text;
    return strerror((int)err);
}

/* The argument that asked for the step, which its reason names, and our own words for the fault. */
static void put_more(struct line *l, const struct step *s, const char *call, const char *hint,
                     const char *fmt, va_list ap)
{
    format(l, "%sbwrap: ", level);
    if (s && s->why)
        format(l, "%s: ", s->why);
    vformat(l, fmt, ap);
    if (call)
        format(l, " (%s)", call);
    if (hint)
        format(l, "; %s", hint);
    format(l, "\n");
}

void compat_say(const struct step *s, const char *call, long err, const char *hint, const char *fmt,
                va_list ap)
{
    struct line l = {0};
    va_list again, first;
    va_copy(again, ap);
    va_copy(first, ap);
    const struct text *t = find(s, call, err, fmt, first);
    format(&l, "%sbwrap: ", level);
    if (t) {
        format(&l, "%s", t->text);
        if (t->word != NO_WORD)
            put_word(&l, s, t->word);
    }
    if (!t || (!call && !t->key)) {
        format(&l, t ? ": " : "");
        put_format(&l, fmt, ap);
    }
    if (err && !(t && t->err))
        format(&l, ": %s", error_text(-err));
    format(&l, "\n");
    if (more)
        put_more(&l, s, call, hint, fmt, again);
    flush(&l);
    sys_exit(1);
}
