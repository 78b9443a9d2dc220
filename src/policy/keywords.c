/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/keywords.h"

#include "policy/policy.h"
#include "util/buf.h"
#include "util/str.h"

/* One row is one line. */
/* clang-format off */
#define GROUP(name, meaning) {KEYWORD_GROUP, "", name, 0, VALUE_OTHER, NULL, 0, 0, meaning}
#define PASSED_GROUP(name, meaning) {KEYWORD_PASSED_GROUP, "", name, 0, VALUE_OTHER, NULL, 0, 0, meaning}
#define KEY(in, name, meaning) {KEYWORD_KEY, in, name, 0, VALUE_OTHER, NULL, 0, 0, meaning}
#define PASSED_KEY(in, name, meaning) {KEYWORD_PASSED_KEY, in, name, 0, VALUE_OTHER, NULL, 0, 0, meaning}
#define WORD(in, name, value, meaning) {KEYWORD_WORD, in, name, value, VALUE_OTHER, NULL, 0, 0, meaning}
#define OURS(in, name, type, def, meaning) {KEYWORD_KEY, in, name, 0, type, def, 0, 0, meaning}
#define NUMBER(in, name, def, least, most, meaning) {KEYWORD_KEY, in, name, 0, VALUE_INTEGER, def, least, most, meaning}

const struct keyword keywords[] = {
    GROUP("Application", "which app this is"),
    KEY("Application", "name", "the app id, at least two elements: org.example.App"),
    KEY("Application", "command", "the program that is started"),
    PASSED_KEY("Application", "runtime", "Flatpak: the runtime the app is built for"),
    PASSED_KEY("Application", "sdk", "Flatpak: the SDK the app is built with"),
    PASSED_KEY("Application", "base", "Flatpak: the app it was built on"),
    PASSED_KEY("Application", "required-flatpak", "Flatpak: the oldest version that will do"),
    PASSED_KEY("Application", "tags", "Flatpak: free words"),
    PASSED_KEY("Application", "built-extensions", "Flatpak: extensions built with the app"),

    GROUP("Context", "what the app may reach"),
    KEY("Context", "shared", "what it shares with the host"),
    WORD("Context/shared", "network", 0, "the network, abstract sockets and services on localhost"),
    WORD("Context/shared", "ipc", 0, "System V and POSIX IPC (X11's shared memory needs it)"),
    KEY("Context", "sockets", "services it may talk to"),
    WORD("Context/sockets", "x11", 0, "an X display: one of its own, in a window, unless [Carrel Display] says otherwise"),
    WORD("Context/sockets", "wayland", 0, "the Wayland compositor"),
    WORD("Context/sockets", "fallback-x11", 0, "an X display where there is no Wayland compositor"),
    WORD("Context/sockets", "inherit-wayland-socket", 0, "the connection that the caller opened, WAYLAND_SOCKET"),
    WORD("Context/sockets", "pulseaudio", 0, "sound, as [Carrel Sound] says: playing, if it says nothing"),
    WORD("Context/sockets", "session-bus", 0, "the whole session bus, unfiltered"),
    WORD("Context/sockets", "system-bus", 0, "the whole system bus, unfiltered"),
    WORD("Context/sockets", "ssh-auth", 0, "the SSH agent: it signs with every key in it"),
    WORD("Context/sockets", "gpg-agent", 0, "the GnuPG agent: it signs and decrypts with every key in it"),
    WORD("Context/sockets", "pcsc", 0, "smart cards"),
    WORD("Context/sockets", "cups", 0, "printing"),
    KEY("Context", "devices", "devices it may open"),
    WORD("Context/devices", "dri", 0, "the graphics processor"),
    WORD("Context/devices", "input", 0, "game controllers, keyboards and mice as devices"),
    WORD("Context/devices", "usb", 0, "USB devices"),
    WORD("Context/devices", "kvm", 0, "virtual machines"),
    WORD("Context/devices", "shm", 0, "the host's shared memory, /dev/shm"),
    WORD("Context/devices", "all", 0, "every device that the person may open: cameras, disks, keyboards"),
    KEY("Context", "features", "system calls that are kept from other apps"),
    WORD("Context/features", "devel", 0, "debugging and measuring other processes of the sandbox"),
    WORD("Context/features", "multiarch", 0, "programs of the other word size (32 bit)"),
    WORD("Context/features", "bluetooth", 0, "Bluetooth sockets"),
    WORD("Context/features", "canbus", 0, "CAN bus sockets"),
    WORD("Context/features", "per-app-dev-shm", 0, "one /dev/shm for all instances of the app"),
    KEY("Context", "filesystems", "files and folders of the person or the host"),
    WORD("Context/filesystems", "home", FS_HOME, "the person's whole home"),
    WORD("Context/filesystems", "host", FS_HOST, "nearly everything that the person can read"),
    WORD("Context/filesystems", "host-os", FS_HOST_OS, "the host's /usr at /run/host/usr"),
    WORD("Context/filesystems", "host-etc", FS_HOST_ETC, "the host's /etc at /run/host/etc"),
    WORD("Context/filesystems", "host-root", FS_HOST_ROOT, "the host's / at /run/host/root"),
    WORD("Context/filesystems", "xdg-desktop", FS_XDG_DESKTOP, "the desktop folder"),
    WORD("Context/filesystems", "xdg-documents", FS_XDG_DOCUMENTS, "the documents folder"),
    WORD("Context/filesystems", "xdg-download", FS_XDG_DOWNLOAD, "the download folder"),
    WORD("Context/filesystems", "xdg-music", FS_XDG_MUSIC, "the music folder"),
    WORD("Context/filesystems", "xdg-pictures", FS_XDG_PICTURES, "the pictures folder"),
    WORD("Context/filesystems", "xdg-public-share", FS_XDG_PUBLIC_SHARE, "the folder shared with others"),
    WORD("Context/filesystems", "xdg-templates", FS_XDG_TEMPLATES, "the templates folder"),
    WORD("Context/filesystems", "xdg-videos", FS_XDG_VIDEOS, "the videos folder"),
    WORD("Context/filesystems", "xdg-data", FS_XDG_DATA, "other apps' data, ~/.local/share"),
    WORD("Context/filesystems", "xdg-cache", FS_XDG_CACHE, "other apps' caches, ~/.cache"),
    WORD("Context/filesystems", "xdg-config", FS_XDG_CONFIG, "other apps' settings, ~/.config"),
    WORD("Context/filesystems", "xdg-state", FS_XDG_STATE, "other apps' state, ~/.local/state (Flatpak has no such word)"),
    WORD("Context/filesystems", "xdg-run", FS_XDG_RUN, "one thing in the runtime folder: xdg-run/NAME"),
    WORD("mode", "ro", FS_RO, "read only"),
    WORD("mode", "rw", FS_RW, "read and write (what holds without a mode)"),
    WORD("mode", "create", FS_CREATE, "read and write; the folder is made if it is missing"),
    KEY("Context", "persistent", "folders of the home that last (all of a private home does here)"),
    KEY("Context", "unset-environment", "environment variables that are taken away"),
    WORD("condition", "true", 0, "always"),
    WORD("condition", "false", 0, "never"),
    WORD("condition", "has-wayland", 0, "there is a Wayland compositor"),
    WORD("condition", "has-input-device", 0, "devices=input is understood: always"),
    WORD("condition", "has-usb-device", 0, "devices=usb is understood: always"),
    WORD("condition", "has-usb-portal", 0, "the desktop has the USB portal"),

    GROUP("Environment", "environment variables: NAME=value"),
    GROUP("Session Bus Policy", "names on the session bus: NAME=none|see|talk|own"),
    GROUP("System Bus Policy", "names on the system bus: NAME=none|see|talk|own"),
    GROUP("Accessibility Bus Policy", "names on the accessibility bus: NAME=none|see|talk|own"),
    WORD("bus", "none", BUS_NONE, "the name is not seen"),
    WORD("bus", "see", BUS_SEE, "it is seen whether the name is there"),
    WORD("bus", "talk", BUS_TALK, "calls may be made and answers read"),
    WORD("bus", "own", BUS_OWN, "the app may take the name"),

    GROUP("Carrel Application", "how the app is found and given files"),
    OURS("Carrel Application", "names", VALUE_COMMANDS, "", "what people type for the app"),
    OURS("Carrel Application", "package", VALUE_PACKAGE, "", "the Debian package that has it"),
    OURS("Carrel Application", "desktop", VALUE_DESKTOP, "", "its .desktop file"),
    OURS("Carrel Application", "documents", VALUE_WORD, "none", "how files named on its command line are granted"),
    WORD("Carrel Application/documents", "none", FS_NONE, "not at all"),
    WORD("Carrel Application/documents", "ro", FS_RO, "to be read"),
    WORD("Carrel Application/documents", "rw", FS_RW, "to be read and written"),
    OURS("Carrel Application", "ends-with", VALUE_WORD, "first", "with which of its processes the app ends"),
    WORD("Carrel Application/ends-with", "first", 0, "with the first one, as other processes of it are helpers"),
    WORD("Carrel Application/ends-with", "tell", 0, "with the first one; it says so if that leaves others running"),
    WORD("Carrel Application/ends-with", "last", 0, "with the last one, as the program goes on in the background"),
    OURS("Carrel Application", "etc", VALUE_COMMANDS, "", "files and folders of /etc with its packages' defaults, to be read"),

    GROUP("Carrel Sandbox", "the walls themselves"),
    OURS("Carrel Sandbox", "nested-sandbox", VALUE_WORD, "none", "what the app may do to sandbox parts of itself"),
    WORD("Carrel Sandbox/nested-sandbox", "none", 0, "nothing: it can not make user namespaces"),
    WORD("Carrel Sandbox/nested-sandbox", "userns", 0, "make user namespaces and what comes with them, but mount nothing (browsers)"),
    WORD("Carrel Sandbox/nested-sandbox", "mount", 0, "mount inside its own namespaces too (bubblewrap)"),
    OURS("Carrel Sandbox", "machine-id", VALUE_BOOL, "false", "whether it sees the host's machine id"),
    OURS("Carrel Sandbox", "private-session-bus", VALUE_BOOL, "false", "whether it gets a session bus of its own, inside"),
    OURS("Carrel Sandbox", "optional", VALUE_WORDS, "", "walls that may be missing on a host that has none; else the start is refused"),
    WORD("Carrel Sandbox/optional", "landlock", 0, "the second wall around files"),
    WORD("Carrel Sandbox/optional", "landlock-scope", 0, "the wall around abstract sockets and signals"),
    WORD("Carrel Sandbox/optional", "abstract-sockets", 0, "the wall around abstract sockets, where a granted one has no other name"),
    NUMBER("Carrel Sandbox", "max-processes", "0", 0, 4194304, "most processes and threads of the person; 0: as the caller's"),
    NUMBER("Carrel Sandbox", "max-open-files", "0", 0, 1048576, "most open files of one process; 0: as the caller's"),
    NUMBER("Carrel Sandbox", "max-file-size", "0", 0, 1LL << 60, "largest file it can write, in bytes; 0: as the caller's"),
    NUMBER("Carrel Sandbox", "max-temporary", "0", 0, 1LL << 52, "most bytes in each of its folders in memory (/tmp, /dev/shm, the runtime folder); 0: a quarter of the machine's memory"),

    GROUP("Carrel Limits", "what all processes of the app together may have"),
    NUMBER("Carrel Limits", "memory", "0", 0, 1LL << 52, "bytes of memory; 0: no limit"),
    NUMBER("Carrel Limits", "processes", "0", 0, 4194304, "processes and threads; 0: no limit"),
    NUMBER("Carrel Limits", "cpu", "0", 0, 1000000, "processor time, in hundredths of one processor: 150 is one and a half; 0: no limit"),
    NUMBER("Carrel Limits", "cpu-weight", "0", 0, 10000, "its share of processors that others want too, usual is 100; 0: usual"),
    NUMBER("Carrel Limits", "io-weight", "0", 0, 10000, "its share of disks that others want too, usual is 100; 0: usual"),
    OURS("Carrel Limits", "optional", VALUE_WORDS, "", "limits that may be missing on a host that cannot give them; else the start is refused"),
    WORD("Carrel Limits/optional", "memory", 0, "memory: then each process has that limit for itself"),
    WORD("Carrel Limits/optional", "cpu", 0, "processor time"),
    WORD("Carrel Limits/optional", "cpu-weight", 0, "the share of processors"),
    WORD("Carrel Limits/optional", "io-weight", 0, "the share of disks"),

    GROUP("Carrel Ask", "what the person is asked for"),
    OURS("Carrel Ask", "at-start", VALUE_WORDS, "", "what the app gets when the person says yes, at each start or once and for all"),
    WORD("Carrel Ask/at-start", "network", 0, "shared=network: the network, and services on localhost"),
    WORD("Carrel Ask/at-start", "microphone", 0, "sound, the microphone too: sockets=pulseaudio, sound=play+record"),
    WORD("Carrel Ask/at-start", "devices", 0, "devices=all: every device of the person's, cameras too"),

    GROUP("Carrel Display", "what the app may do on the person's display"),
    OURS("Carrel Display", "wayland", VALUE_WORD, "filtered", "how sockets=wayland reaches the compositor"),
    WORD("Carrel Display/wayland", "filtered", 0, "by way of a filter, which shows only what the app needs for its own windows"),
    WORD("Carrel Display/wayland", "direct", 0, "the bare socket: where the compositor lets it, the app can see the screen and type for others"),
    OURS("Carrel Display", "x11", VALUE_WORD, "nested", "how sockets=x11 reaches an X server"),
    WORD("Carrel Display/x11", "nested", 0, "an X server of its own, which is one window on the person's display"),
    WORD("Carrel Display/x11", "headless", 0, "an X server of its own, which nobody sees"),
    WORD("Carrel Display/x11", "none", 0, "not at all"),
    WORD("Carrel Display/x11", "untrusted", 0, "the person's display, as one whom the X server does not trust: no keys, windows or pictures of others; but their clipboard, and window titles"),
    WORD("Carrel Display/x11", "shared", 0, "the person's display: the app can read every key and window there and type for the person"),
    OURS("Carrel Display", "server", VALUE_WORD, "auto", "which program its own X server is"),
    WORD("Carrel Display/server", "auto", 0, "with x11=nested Xephyr, or Xwayland where there is no X display; Xvfb with x11=headless"),
    WORD("Carrel Display/server", "xephyr", 0, "Xephyr"),
    WORD("Carrel Display/server", "xwayland", 0, "Xwayland, as a window of the person's Wayland compositor"),
    WORD("Carrel Display/server", "xvfb", 0, "Xvfb"),
    WORD("Carrel Display/server", "xpra", 0, "Xvfb, shown by Xpra: the window can be taken away and brought back"),
    OURS("Carrel Display", "opengl", VALUE_WORD, "yes", "whether its own X server knows OpenGL"),
    WORD("Carrel Display/opengl", "yes", 0, "as any X server"),
    WORD("Carrel Display/opengl", "no", 0, "no GLX there: for programs that draw without; it starts in half the time"),
    OURS("Carrel Display", "no-window", VALUE_ARGUMENTS, "", "options of the app with which it usually shows no window: its own X server starts only when it asks for it"),
    OURS("Carrel Display", "connect", VALUE_WORD, "unix", "how the app reaches the X server"),
    WORD("Carrel Display/connect", "unix", 0, "by its socket, which is the only one in the app's /tmp/.X11-unix"),
    WORD("Carrel Display/connect", "pipe", 0, "by a relay, which knows the cookie instead of the app"),
    WORD("Carrel Display/connect", "abstract", 0, "by its abstract socket, and with it by every other one: x11=shared with the host's network only"),
    OURS("Carrel Display", "clipboard", VALUE_WORD, "both", "which ways what is copied may go: by itself on Wayland, by the person's hand to and from an X server of the app's own"),
    WORD("Carrel Display/clipboard", "none", 0, "none, by hand neither"),
    WORD("Carrel Display/clipboard", "ask", 0, "both, by the person's hand only: carrel clip, or a key"),
    WORD("Carrel Display/clipboard", "in", 0, "to the app only"),
    WORD("Carrel Display/clipboard", "out", 0, "from the app only"),
    WORD("Carrel Display/clipboard", "both", 0, "both"),
    OURS("Carrel Display", "clipboard-in-key", VALUE_CHORD, "Ctrl+Shift+Insert", "the key that brings what the person has copied to an app in an X server of its own"),
    OURS("Carrel Display", "clipboard-out-key", VALUE_CHORD, "Ctrl+Alt+Insert", "the key that brings what was copied in it to the person"),
    OURS("Carrel Display", "wayland-allow", VALUE_WORDS, "", "what the filter lets through besides the usual"),
    WORD("Carrel Display/wayland-allow", "pointer-lock", 0, "keeping the pointer in a window or in its place (games)"),
    WORD("Carrel Display/wayland-allow", "relative-pointer", 0, "movements of the pointer without its place (games)"),
    WORD("Carrel Display/wayland-allow", "idle-inhibit", 0, "keeping the screen from locking or going dark (films)"),
    WORD("Carrel Display/wayland-allow", "shortcuts-inhibit", 0, "taking the keys that the desktop listens to (remote desktops, virtual machines)"),
    WORD("Carrel Display/wayland-allow", "window-handles", 0, "names for its windows, for others to attach dialogs to"),
    OURS("Carrel Display", "wayland-deny", VALUE_WORDS, "", "what of the usual the filter keeps back"),
    WORD("Carrel Display/wayland-deny", "fullscreen", 0, "taking the whole screen"),
    WORD("Carrel Display/wayland-deny", "activation", 0, "asking for its windows to be brought to the front"),
    WORD("Carrel Display/wayland-deny", "primary-selection", 0, "what is marked, for the middle mouse button"),
    WORD("Carrel Display/wayland-deny", "text-input", 0, "text from the person's input method"),
    WORD("Carrel Display/wayland-deny", "dmabuf", 0, "windows drawn in the graphics processor's memory"),

    GROUP("Carrel Sound", "what sockets=pulseaudio means"),
    OURS("Carrel Sound", "sound", VALUE_WORD, "play", "what the app may do with sound"),
    WORD("Carrel Sound/sound", "none", 0, "nothing"),
    WORD("Carrel Sound/sound", "play", 0, "play, by way of a sound server of its own"),
    WORD("Carrel Sound/sound", "play+record", 0, "the same, and listen to the microphone"),
    WORD("Carrel Sound/sound", "host", 0, "all that the person's sound server gives: the microphone, what others play, files and ports outside"),

    GROUP("Carrel Bus", "what the app may do on the buses, besides the names"),
    OURS("Carrel Bus", "session", VALUE_WORD, "policy", "whether it gets the session bus, filtered"),
    WORD("Carrel Bus/session", "policy", 0, "where [Session Bus Policy] or session-rules name something on it"),
    WORD("Carrel Bus/session", "filtered", 0, "always, instead of one of its own"),
    WORD("Carrel Bus/session", "none", 0, "never"),
    OURS("Carrel Bus", "portals", VALUE_BOOL, "true", "whether the filtered session bus has the desktop's portals"),
    OURS("Carrel Bus", "input-method", VALUE_BOOL, "true", "whether it may ask the person's input method"),
    OURS("Carrel Bus", "session-rules", VALUE_BUS_RULES, "", "calls and broadcasts on the session bus by member, object and argument"),
    OURS("Carrel Bus", "system-rules", VALUE_BUS_RULES, "", "the same for the system bus"),
    OURS("Carrel Bus", "accessibility-rules", VALUE_BUS_RULES, "", "the same for the accessibility bus"),
    OURS("Carrel Bus", "accessibility", VALUE_WORD, "filtered", "whether it gets the accessibility bus where that runs"),
    WORD("Carrel Bus/accessibility", "filtered", 0, "screen readers see its windows; it sees no others"),
    WORD("Carrel Bus/accessibility", "none", 0, "no"),
    OURS("Carrel Bus", "log", VALUE_WORD, "none", "which messages are told of on standard error"),
    WORD("Carrel Bus/log", "none", 0, "none"),
    WORD("Carrel Bus/log", "refused", 0, "those that are refused"),
    WORD("Carrel Bus/log", "all", 0, "all"),
    NUMBER("Carrel Bus", "max-message-size", "0", 0, 134217728, "longest message, in bytes; 0: as the bus has it"),
    NUMBER("Carrel Bus", "max-connections", "0", 0, 4096, "most connections to one bus at a time; 0: 256"),
    NUMBER("Carrel Bus", "max-rate", "0", 0, 1000000, "most messages a second on one connection; more of them wait; 0: no limit"),

    GROUP("Carrel Environment", "the caller's environment"),
    OURS("Carrel Environment", "pass", VALUE_VARIABLES, "", "variables that are passed on besides the usual harmless ones"),

    PASSED_GROUP("Runtime", "Flatpak: describes a runtime"),
    PASSED_GROUP("Instance", "Flatpak: describes a running app"),
    PASSED_GROUP("Extension *", "Flatpak: a place for extensions"),
    PASSED_GROUP("ExtensionOf", "Flatpak: what this extends"),
    PASSED_GROUP("Extra Data", "Flatpak: what is fetched at installation"),
    PASSED_GROUP("Build", "Flatpak: how it was built"),
    PASSED_GROUP("Policy *", "Flatpak: rules that other programs read"),
    PASSED_GROUP("USB Devices", "Flatpak: devices that the USB portal offers"),
    PASSED_GROUP("X-*", "private to other programs"),
};
/* clang-format on */

const size_t n_keywords = ARRAY_SIZE(keywords);

const struct keyword *keyword_find(enum keyword_kind kind, const char *in, const char *name)
{
    for (size_t i = 0; i < n_keywords; i++) {
        const struct keyword *k = &keywords[i];
        if (k->kind == kind && str_eq(k->name, name) && str_eq(k->in, in))
            return k;
    }
    return NULL;
}

int keyword_group_passed(const char *name)
{
    for (size_t i = 0; i < n_keywords; i++) {
        const struct keyword *k = &keywords[i];
        size_t n = strlen(k->name);
        if (k->kind != KEYWORD_PASSED_GROUP)
            continue;
        if (str_eq(k->name, name) ||
            (k->name[n - 1] == '*' && strncmp(k->name, name, n - 1) == 0 && name[n - 1]))
            return 1;
    }
    return 0;
}

/* Names of one kind in one place. Returns how many; v holds n_keywords. */
static size_t names_in(enum keyword_kind kind, const char *in, const char **v)
{
    size_t n = 0;
    for (size_t i = 0; i < n_keywords; i++)
        if (keywords[i].kind == kind && str_eq(keywords[i].in, in))
            v[n++] = keywords[i].name;
    return n;
}

const char *keyword_nearest(enum keyword_kind kind, const char *in, const char *name)
{
    const char *v[ARRAY_SIZE(keywords)];
    size_t n = names_in(kind, in, v), len = strlen(name);
    const char *near = str_nearest(name, v, n);
    /* What was cut off, as a file is that was written by half, is a fault as well. */
    for (size_t i = 0; i < n && !near && len > 1; i++)
        near = strncmp(v[i], name, len) == 0 ? v[i] : NULL;
    return near;
}

const char *keyword_hint(struct arena *a, enum keyword_kind kind, const char *in, const char *name)
{
    const char *v[ARRAY_SIZE(keywords)];
    size_t n = names_in(kind, in, v);
    const char *near = keyword_nearest(kind, in, name);
    if (near)
        return arena_printf(a, "did you mean \"%s\"?", near);
    struct buf out = {.arena = a};
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s%s", i ? ", " : "known: ", v[i]);
    return out.data;
}
