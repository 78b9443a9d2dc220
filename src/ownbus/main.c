/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-ownbus SOCKET PROGRAM [ARGUMENT...]
 * carrel-ownbus --stay|--tell SOCKET|- PROGRAM [ARGUMENT...]
 *
 * Runs inside, in front of an app that has a session bus of its own. It listens on the bus' socket
 * and becomes the app at once; a process that it leaves behind waits for the first connection and
 * only then becomes dbus-daemon, which inherits the socket. So the app gets its signals itself, an
 * app that never speaks on the bus pays for none, and one that does need not wait: what it writes
 * waits in the socket meanwhile.
 *
 * The socket is handed over as systemd does it (sd_listen_fds(3)): descriptor 3, LISTEN_FDS and
 * LISTEN_PID. When the daemon cannot start, its end of the socket closes and connections fail.
 *
 * With --stay it does not become the app but starts it, and ends when all that the app has started
 * ended: for programs that go on in the background, whose first process ends at once. `-` is no
 * bus. With --tell it starts it, too, but ends with it, and tells if it seems to be such a program.
 *
 * It is part of the app's side of the wall: it has no rights that the app has not.
 */
#include "ownbus/stay.h"
#include "util/libc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAEMON "/usr/bin/dbus-daemon"
#define CONFIG "--config-file=/run/carrel/session-bus.conf"

enum { EXIT_OURS = 125, EXIT_NOT_PROGRAM = 126, EXIT_NOT_FOUND = 127 };
enum { LISTEN_FD = 3, QUEUE = 128, PATH_BYTES = 4096 };

static _Noreturn void die(int status, const char *what, const char *name, int error)
{
    dprintf(2, "carrel-ownbus: %s%s%s%s%s\n", what, name ? " " : "", name ? name : "",
            error ? ": " : "", error ? strerror(error) : "");
    _exit(status);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        die(EXIT_OURS, "the socket's path is too long:", path, 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, QUEUE) < 0)
        die(EXIT_OURS, "cannot listen on", path, errno);
    return fd;
}

/* Lets go of all that is the app's: whoever reads its output must see the end of it with the app.
 */
static void keep_only(int socket)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int high = fcntl(socket, F_DUPFD_CLOEXEC, LISTEN_FD + 1); /* not where the others go */
    for (int fd = 0; fd < LISTEN_FD; fd++)
        if (dup2(null, fd) < 0)
            _exit(EXIT_OURS);
    if (dup2(high, LISTEN_FD) < 0 || sys_close_range(LISTEN_FD + 1, ~0u, 0) < 0)
        _exit(EXIT_OURS);
}

static _Noreturn void become_daemon(void)
{
    char *const argv[] = {(char[]){"dbus-daemon"}, (char[]){CONFIG}, (char[]){"--nofork"},
                          (char[]){"--nopidfile"}, NULL};
    struct pollfd first = {.fd = LISTEN_FD, .events = POLLIN};
    char pid[16];
    while (poll(&first, 1, -1) < 0 && errno == EINTR)
        ;
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (setenv("LISTEN_PID", pid, 1) == 0 && setenv("LISTEN_FDS", "1", 1) == 0)
        execv(DAEMON, argv);
    _exit(EXIT_OURS);
}

/* The daemon is to be no child of the app, which may wait for any child: its parent ends at once.
 */
static void leave_daemon(int socket)
{
    pid_t between = fork();
    if (between == 0) {
        pid_t daemon = fork();
        if (daemon != 0)
            _exit(daemon < 0 ? errno : 0);
        if (setsid() < 0) /* Ctrl-C is for the app */
            _exit(EXIT_OURS);
        keep_only(socket);
        become_daemon();
    }
    int status = 0;
    while (between > 0 && waitpid(between, &status, 0) < 0 && errno == EINTR)
        ;
    if (between < 0 || status != 0)
        die(EXIT_OURS, "cannot start the bus", NULL, between < 0 ? errno : WEXITSTATUS(status));
}

/* As a shell would: a bare name is looked for in PATH. Returns errno. */
static int run(char *const argv[])
{
    char full[PATH_BYTES];
    const char *path = getenv("PATH");
    int error = ENOENT;
    if (strchr(argv[0], '/')) {
        execv(argv[0], argv);
        return errno;
    }
    for (size_t n; path && *path; path += n + (path[n] == ':')) {
        n = strcspn(path, ":");
        if (path[0] != '/' ||
            snprintf(full, sizeof full, "%.*s/%s", (int)n, path, argv[0]) >= (int)sizeof full)
            continue;
        execv(full, argv);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            return errno;
        error = errno == EACCES ? errno : error;
    }
    return error;
}

static _Noreturn void become(char *const argv[])
{
    int error = run(argv);
    die(error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_PROGRAM, "cannot start",
        argv[0], error);
}

int main(int argc, char **argv)
{
    bool stays = argc > 1 && strcmp(argv[1], "--stay") == 0;
    bool tells = argc > 1 && strcmp(argv[1], "--tell") == 0;
    char **words = argv + 1 + (stays || tells);
    if (argc < 3 + (stays || tells))
        die(EXIT_OURS, "usage: carrel-ownbus [--stay|--tell] SOCKET|- PROGRAM [ARGUMENT...]", NULL,
            0);
    if (strcmp(words[0], "-") != 0) {
        int socket = listen_at(words[0]);
        leave_daemon(socket);
        close(socket);
    }
    if (stays) /* these return in the app's process */
        stay();
    if (tells)
        stay_and_tell(words[1]);
    become(words + 1);
}
