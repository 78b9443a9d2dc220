/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-viewer HOST OWN TITLE
 *
 * Shows an app's own X server, which is display OWN, in a window on the person's display HOST; both
 * are numbers. It runs Xpra's two halves in one confinement: the server on OWN, the client on HOST,
 * and ends with the first of them that ends. Their socket is in a folder of this root, so nobody
 * else can speak to either. What Xpra can do besides showing a window (sound, files, printers,
 * clipboards, notifications, commands) is off; most of it would find nothing here anyway.
 */
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where things are in the plan; src/resolve/viewer.c has the same. */
#define OWN_AUTH "/run/own-auth"
#define RUNTIME  "/run/xpra"

#define SOCKET RUNTIME "/socket"
#define LOG    "/tmp/log"

enum { FAILED = 125, PAUSE_MS = 50, SOCKET_WAIT_MS = 120000, TOLD = 2000 };
enum { MOST_WORDS = 64 };

/* What both halves are told. */
static const char *const both[] = {
    "--mdns=no",
    "--xsettings=no", /* the person's X resources are none of the app's business */
    "--clipboard=no",
    "--notifications=no",
    "--speaker=off",
    "--microphone=off",
    "--webcam=no",
    "--printing=no",
    "--file-transfer=no",
    "--open-files=no",
    "--open-url=no",
    "--system-tray=no",
    "--bell=no",
    "--pulseaudio=no",
    "--av-sync=no",
    "--opengl=no",
    "--mmap=no",
    "--bandwidth-detection=no",
    "--remote-logging=no",
    "--dbus-proxy=no",
    "--start-new-commands=no",
    "--encodings=rgb",
    "--encoding=rgb",
    "--compress=0",
    ("--socket-dirs=" RUNTIME),
};
/* The display is not Xpra's: it must outlive it. */
static const char *const server_only[] = {
    "--use-display",    "--daemon=no",
    ("--bind=" SOCKET), "--html=off",
    "--dbus-launch=",   "--dbus-control=no",
    "--systemd-run=no", "--exit-with-client=yes",
    "--start=",         "--exit-with-children=no",
    "--sharing=no",     "--resize-display=no",
};
static const char *const client_only[] = {
    "--tray=no",
    "--window-close=disconnect",
    "--desktop-scaling=off",
};

/*
 * /usr/bin/xpra, but for a fault of version 3.1.3: on a display that hides the keyboard extension
 * from it, as one does on which it is not trusted, it takes the bytes of the root window's property
 * for text and ends.
 */
static const char launcher[] =
    "import sys\n"
    "def names(self):\n"
    "    from xpra.platform.xposix.gui import _get_X11_root_property as get\n"
    "    found = get('_XKB_RULES_NAMES', 'STRING') or b''\n"
    "    text = found.decode('latin1') if isinstance(found, bytes) else found\n"
    "    return text.split('\\0') if text else ''\n"
    "try:\n"
    "    from xpra.platform.xposix.keyboard import Keyboard\n"
    "    Keyboard.get_xkb_rules_names_property = names\n"
    "except ImportError:\n"
    "    pass\n"
    "from xpra.scripts.main import main\n"
    "sys.exit(main('/usr/bin/xpra', ['/usr/bin/xpra'] + sys.argv[1:]))\n";

static _Noreturn void fail(const char *what, int error)
{
    dprintf(2, "carrel-viewer: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    exit(FAILED);
}

/* The last that Xpra has said, as it is the only one who knows what went wrong. */
static _Noreturn void fail_with_log(const char *what)
{
    static char text[TOLD];
    int fd = open(LOG, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof text, size > TOLD ? size - TOLD : 0);
    if (n > 0 && write(2, text, (size_t)n) < 0)
        exit(FAILED);
    fail(what, 0);
}

struct line {
    char *argv[MOST_WORDS];
    size_t n;
};

static void add(struct line *l, const char *word)
{
    char *copy = strdup(word);
    if (!copy || l->n == MOST_WORDS - 1)
        fail("too many arguments", 0);
    l->argv[l->n++] = copy;
}

static void add_all(struct line *l, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(l, words[i]);
}

/* -I: nothing is loaded but the system's own. */
static void begin(struct line *l)
{
    static const char *const words[] = {"python3", "-I", "-c", launcher};
    add_all(l, words, ARRAY_SIZE(words));
}

static void set(const char *name, const char *value)
{
    if (setenv(name, value, 1) < 0)
        fail("setenv", errno);
}

/* auth: NULL: as it is in our environment */
static pid_t start(const struct line *l, const char *display, const char *auth)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("cannot start Xpra", errno);
    if (pid > 0)
        return pid;
    int fd = open(LOG, O_WRONLY | O_CREAT | O_APPEND, 0600), none = open("/dev/null", O_RDONLY);
    if (fd < 0 || none < 0 || dup2(none, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(FAILED);
    set("DISPLAY", display);
    if (auth)
        set("XAUTHORITY", auth);
    execv("/usr/bin/python3", l->argv);
    _exit(FAILED);
}

static pid_t start_server(const char *own)
{
    struct line l = {.n = 0};
    char display[32];
    snprintf(display, sizeof display, ":%.20s", own);
    begin(&l);
    add(&l, "start-desktop");
    add(&l, display);
    add_all(&l, both, ARRAY_SIZE(both));
    add_all(&l, server_only, ARRAY_SIZE(server_only));
    return start(&l, display, OWN_AUTH);
}

static pid_t start_client(const char *host, const char *title)
{
    struct line l = {.n = 0};
    char display[32], words[512];
    snprintf(display, sizeof display, ":%.20s", host);
    snprintf(words, sizeof words, "--title=%s", title);
    begin(&l);
    add(&l, "attach");
    add(&l, "socket:" SOCKET);
    add(&l, words);
    add_all(&l, both, ARRAY_SIZE(both));
    add_all(&l, client_only, ARRAY_SIZE(client_only));
    return start(&l, display, NULL);
}

/* To the server's socket, or its end. */
static void wait_for_socket(pid_t server)
{
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    struct stat st;
    for (int i = 0; i < SOCKET_WAIT_MS / PAUSE_MS; i++) {
        if (stat(SOCKET, &st) == 0 && S_ISSOCK(st.st_mode))
            return;
        if (waitpid(server, NULL, WNOHANG) == server)
            fail_with_log("Xpra cannot show the app's X server");
        nanosleep(&pause, NULL);
    }
    fail_with_log("Xpra does not start");
}

/* Whether the app's X server answers still. */
static bool is_there(const char *own)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "/tmp/.X11-unix/X%.20s", own);
    return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
}

int main(int argc, char **argv)
{
    int status;
    if (argc != 4)
        fail("wrong arguments", 0);
    set("NO_AT_BRIDGE", "1");
    set("DBUS_SESSION_BUS_ADDRESS", "disabled:");
    set("GDK_BACKEND", "x11");
    pid_t server = start_server(argv[2]);
    wait_for_socket(server);
    pid_t client = start_client(argv[1], argv[3]), first;
    do
        first = waitpid(-1, &status, 0);
    while (first > 0 && first != server && first != client);
    /* As a rule a server that ends has lost its display, as the app has ended; but any client of
     * that display can end it. */
    if (first == server && is_there(argv[2]))
        fail_with_log("Xpra has ended and the app goes on; carrel attach shows it again");
    if (first == client && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        fail_with_log("Xpra's window has ended");
    return 0;
}
