/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_PLAN_VERBS_H
#define CARREL_PLAN_VERBS_H

/*
 * Every verb of a plan: V(IDENTIFIER, "text", least words, most words, phase, "arguments").
 * The lines of a plan come in the order of the phases; inside a phase their order is the order of
 * carrying them out. Both the writer and the core are made from this table, and so is
 * carrel-plan(5).
 *
 * Words behind the fixed ones that are given as `flags` are one comma-separated word.
 */
#define PLAN_VERBS(V)                                                                              \
    /* who the app is inside: ids that the one-entry maps show. uid, gid, unshare and exec must    \
       come up. More than once may host-dir, keep-fd, what makes the root, rlimit, landlock-allow, \
       env, arg and missing */                                                                     \
    V(UID, "uid", 1, 1, PHASE_SETUP, "UID")                                                        \
    V(GID, "gid", 1, 1, PHASE_SETUP, "GID")                                                        \
    /* any of user mount pid ipc uts net cgroup; user, mount and pid are required: the end of      \
       pid 1 is what leaves no process behind */                                                   \
    V(UNSHARE, "unshare", 1, 7, PHASE_SETUP, "NAMESPACE...")                                       \
    /* whether the app may make user namespaces of its own: deny (also without the line) |         \
       allow. Denied by the limit on them, and tried out before the app starts */                  \
    V(NESTED_USERNS, "nested-userns", 1, 1, PHASE_SETUP, "deny|allow")                             \
    V(HOSTNAME, "hostname", 1, 1, PHASE_SETUP, "NAME")                                             \
    /* the loopback interface of the own network namespace */                                      \
    V(LOOPBACK, "loopback", 1, 1, PHASE_SETUP, "up")                                               \
    /* folders on the host that must exist before they can be bound (the app's home); made one     \
       by one, never through a symbolic link below the existing part */                            \
    V(HOST_DIR, "host-dir", 2, 2, PHASE_SETUP, "PATH MODE")                                        \
    /* inherited descriptors that stay open for the app, besides 0, 1 and 2; at most 64, no        \
       folders */                                                                                  \
    V(KEEP_FD, "keep-fd", 1, 1, PHASE_SETUP, "FD")                                                 \
    /* an inherited descriptor, not the app's, to which the core writes two lines of JSON: the     \
       id of its child (which is pid 1 inside) when that has started, the exit status at the end.  \
       A supervisor's is a SOCK_SEQPACKET socket: before it executes the app's process sends a     \
       message with descriptors of its user, mnt, pid, ipc, uts, net and cgroup namespaces; and    \
       when the supervisor ends, so does the app */                                                \
    V(STATUS_FD, "status-fd", 1, 2, PHASE_SETUP, "FD [supervisor]")                                \
                                                                                                   \
    /* the new root: the first line is a tmpfs or bind on "/" and makes it. Every other DST is     \
       resolved beneath it, by descriptor, no symbolic link followed; what is missing of it is     \
       made, folders with mode 0755. All are nosuid, all but devpts and binds with `dev` are       \
       nodev. */                                                                                   \
    V(TMPFS, "tmpfs", 3, 3, PHASE_MOUNT, "DST MODE SIZE|-")                                        \
    /* SRC has no symbolic link in it (already resolved); flags: ro|rw, dev, noexec, optional;     \
       the identity is what the planner saw, in hexadecimal. ro holds for all mounts below SRC,    \
       and none that the host makes there later are seen; below a rw one they are. optional        \
       covers only that SRC is not there */                                                        \
    V(BIND, "bind", 3, 4, PHASE_MOUNT, "SRC DST FLAGS [DEV:INO]")                                  \
    /* what acts on the machine (sys; for a caller who is root also sysrq-trigger, irq, bus        \
       ...) is made read-only by mounts over it; "bare" leaves those out, but not for root, as     \
       the kernel lets nobody mount a proc of its own where the present one is partly covered      \
       */                                                                                          \
    V(PROC, "proc", 1, 2, PHASE_MOUNT, "DST [bare]")                                               \
    V(DEVPTS, "devpts", 1, 1, PHASE_MOUNT, "DST")                                                  \
    V(MQUEUE, "mqueue", 1, 1, PHASE_MOUNT, "DST")                                                  \
    /* a folder that is there already is left as it is; a file must not be there */                \
    V(DIR, "dir", 2, 2, PHASE_MOUNT, "DST MODE")                                                   \
    V(FILE, "file", 3, 3, PHASE_MOUNT, "DST MODE CONTENT")                                         \
    V(SYMLINK, "symlink", 2, 2, PHASE_MOUNT, "TARGET DST")                                         \
    /* makes this one mount read-only (it is not recursive): for the tmpfs that holds the root     \
     */                                                                                            \
    V(SEAL, "seal", 1, 1, PHASE_MOUNT, "DST")                                                      \
                                                                                                   \
    /* the process */                                                                              \
    V(RLIMIT, "rlimit", 3, 3, PHASE_PROCESS, "NAME SOFT HARD")                                     \
    V(KEYRING, "keyring", 1, 1, PHASE_PROCESS, "new")                                              \
    V(SESSION, "session", 1, 1, PHASE_PROCESS, "new")                                              \
    /* a pseudo terminal made by PTMX inside, as the session's controlling one and as those of the \
       descriptors 0, 1 and 2 that stand in a comma-separated list. FD is a socket: its other end  \
       gets the master, makes the terminal ready (size, modes) and answers */                      \
    V(TERMINAL, "terminal", 3, 3, PHASE_PROCESS, "FD PTMX FDS")                                    \
    /* without the line 022 */                                                                     \
    V(UMASK, "umask", 1, 1, PHASE_PROCESS, "MODE")                                                 \
    /* inside; without the line "/" */                                                             \
    V(CWD, "cwd", 1, 1, PHASE_PROCESS, "PATH")                                                     \
    /* comma-separated lists of the kernel's names in lower case, `-` for none: the file rights    \
       that are handled, the scopes */                                                             \
    V(LANDLOCK, "landlock", 2, 2, PHASE_PROCESS, "FS-RIGHTS|- SCOPES|-")                           \
    /* a path that is not there is passed over; of a file only the rights that files have count    \
     */                                                                                            \
    V(LANDLOCK_ALLOW, "landlock-allow", 2, 2, PHASE_PROCESS, "PATH FS-RIGHTS")                     \
    /* the filter's bytes are read from descriptor FD; the name is for people. It is installed     \
       last, wherever the line stands */                                                           \
    V(SECCOMP, "seccomp", 2, 2, PHASE_PROCESS, "FD NAME")                                          \
    V(ENV, "env", 1, 1, PHASE_PROCESS, "NAME=VALUE")                                               \
    /* an absolute path inside, or a bare name that is looked for in the plan's PATH; it is        \
       also the first argument, before those of the arg lines */                                   \
    V(EXEC, "exec", 1, 1, PHASE_EXEC, "PATH")                                                      \
    V(ARG, "arg", 1, 1, PHASE_EXEC, "ARGUMENT")                                                    \
                                                                                                   \
    /* for people and tools only; the core passes over it. What the policy wishes and this host    \
       cannot give, where the policy said that it may be missing */                                \
    V(MISSING, "missing", 1, 1, PHASE_ANY, "WHAT")                                                 \
                                                                                                   \
    /* What bubblewrap's options ask for and no plan of `carrel run` holds. carrel-core refuses    \
       these; only carrel-bwrap carries them out. Each way in which a sandbox may be looser than   \
       `carrel run` makes it must be named by the first line:                                      \
         host-user    no user namespace is made: the caller is root, or joins one                  \
         host-pids    no pid namespace is made                                                     \
         one-level    no second user namespace below that of the mounts                            \
         host-caps    the caller's capabilities stay as they are                                   \
         all-fds      all inherited descriptors reach the program, folders too                     \
         links        a SRC is any path and followed; parents of a DST may be symbolic links,      \
                      followed beneath the new root; a later mount on "/" takes the place of       \
                      the first                                                                    \
         outlive      what the program leaves running goes on without it                           \
         no-reaper    the program itself is pid 1                                                  \
     */                                                                                            \
    V(LOOSEN, "loosen", 1, 1, PHASE_SETUP, "WHAT[,WHAT...]")                                       \
    /* namespaces that descriptors lead to; user2 when all is set up */                            \
    V(JOIN, "join", 2, 2, PHASE_SETUP, "user|user2|pid|net FD")                                    \
    /* JSON: the child's id and namespaces, to-end also its exit code if it was started */         \
    V(INFO_FD, "info-fd", 2, 2, PHASE_SETUP, "FD once|to-end")                                     \
    /* COUNT ids from INSIDE on are those from OUTSIDE on; written by newuidmap and newgidmap */   \
    V(ID_MAP, "id-map", 4, 4, PHASE_SETUP, "uid|gid INSIDE OUTSIDE COUNT")                         \
    /* a byte or the end of it is waited for: until others wrote the id maps, or before the start  \
     */                                                                                            \
    V(WAIT_FD, "wait-fd", 2, 2, PHASE_SETUP, "FD maps|start")                                      \
    /* stays open until the last process of the sandbox ends */                                    \
    V(HOLD_FD, "hold-fd", 1, 1, PHASE_SETUP, "FD")                                                 \
    /* SELinux: of the program, or of the files that are made */                                   \
    V(LABEL, "label", 2, 2, PHASE_SETUP, "exec|files LABEL")                                       \
    /* one layer of the next overlay, the topmost first */                                         \
    V(LAYER, "layer", 1, 1, PHASE_SETUP, "SRC")                                                    \
    V(OVERLAY, "overlay", 3, 5, PHASE_MOUNT, "DST LAYERS ro|tmp|rw [UPPER WORK]")                  \
    /* to the end of the descriptor: into the file itself, or into one that is bound on it */      \
    V(COPY_FD, "copy-fd", 3, 3, PHASE_MOUNT, "DST MODE FD")                                        \
    V(BIND_COPY, "bind-copy", 4, 4, PHASE_MOUNT, "DST MODE FD ro|rw")                              \
    V(CHMOD, "chmod", 2, 2, PHASE_MOUNT, "DST MODE")                                               \
    /* read-locked, inside, until the last process of the sandbox ends */                          \
    V(LOCK_FILE, "lock-file", 1, 1, PHASE_PROCESS, "PATH")                                         \
    /* the capabilities that the program keeps, a bit each, in hexadecimal; with host-caps those   \
       that it may have at most, if it lives in another user namespace than the caller */          \
    V(CAPS, "caps", 1, 1, PHASE_PROCESS, "BITS")                                                   \
    /* those that come to the caller's process go on to the program; else they end that process */ \
    V(SIGNALS, "signals", 1, 1, PHASE_PROCESS, "forward")                                          \
    V(PARENT_DEATH, "parent-death", 1, 1, PHASE_PROCESS, "kill")                                   \
    /* the first that can be entered is the folder to start in, and the value of PWD where the     \
       plan has a line for that; after one with `must` the program is not started without it */    \
    V(ENTER, "enter", 2, 2, PHASE_PROCESS, "PATH must|try")                                        \
    /* a filter's bytes, to the end of the descriptor; all are installed, in order, in pid 1 too   \
     */                                                                                            \
    V(FILTER_FD, "filter-fd", 1, 1, PHASE_PROCESS, "FD")                                           \
    V(ARGV0, "argv0", 1, 1, PHASE_EXEC, "TEXT")

enum plan_phase { PHASE_SETUP, PHASE_MOUNT, PHASE_PROCESS, PHASE_EXEC, PHASE_ANY };

enum plan_verb {
#define V(id, text, least, most, phase, args) PLAN_##id,
    PLAN_VERBS(V)
#undef V
        PLAN_VERB_COUNT
};

struct plan_verb_info {
    const char *text, *args;
    unsigned char least, most, phase;
};

extern const struct plan_verb_info plan_verbs[PLAN_VERB_COUNT];

/* First line of every plan. */
#define PLAN_HEADER "carrel-plan 1"
/* The first of those that only carrel-bwrap carries out. */
#define PLAN_FIRST_COMPAT PLAN_LOOSEN
/* Limits that the reader enforces. */
#define PLAN_MAX_BYTES (16u << 20)
#define PLAN_MAX_WORDS 8 /* per line, without the verb */

#endif
