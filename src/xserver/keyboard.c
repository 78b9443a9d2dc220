/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xserver/keyboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GET_PROPERTY = 20, STRING = 31 };
enum part { RULES, MODEL, LAYOUT, VARIANT, OPTIONS };
enum { FAILED = 125 };

/* Names of keyboard layouts: letters, digits and a little more. What is anything else is left out.
 */
static void keep_name(char *to, const uint8_t *s, size_t n)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+:,()";
    if (n >= XKB_PART)
        return;
    for (size_t i = 0; i < n; i++)
        if (!s[i] || !strchr(good, s[i]))
            return;
    memcpy(to, s, n);
    to[n] = '\0';
}

bool keyboard_read_text(struct x11 *x, uint32_t atom, uint32_t most, struct x_property *out)
{
    uint8_t bytes[24];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    const uint8_t *p;
    size_t n;
    x_request(&o, GET_PROPERTY, 0);
    x_put32(&o, x->setup.root);
    x_put32(&o, atom);
    x_put32(&o, STRING);
    x_put32(&o, 0);
    x_put32(&o, most / 4);
    return x11_ask(x, &o, &p, &n) == 0 && x_read_property(p, n, out) && out->format == 8;
}

/* Five strings, a NUL behind each. */
void keyboard_read(struct x11 *x, struct keyboard *out)
{
    struct x_property found;
    uint32_t atom;
    *out = (struct keyboard){.names = {""}};
    if (x11_atom(x, XKB_NAMES, &atom) < 0 ||
        !keyboard_read_text(x, atom, XKB_PARTS * XKB_PART, &found))
        return;
    const uint8_t *s = found.data, *end = s + found.size;
    for (int i = 0; i < XKB_PARTS && s < end; i++) {
        const uint8_t *nul = memchr(s, '\0', (size_t)(end - s));
        if (!nul)
            return;
        keep_name(out->names[i], s, (size_t)(nul - s));
        s = nul + 1;
    }
}

bool keyboard_is_same(const struct keyboard *a, const struct keyboard *b)
{
    for (int i = 0; i < XKB_PARTS; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return true;
}

bool keyboard_has_layout(const struct keyboard *k)
{
    return *k->names[LAYOUT];
}

bool keyboard_has_groups(const struct keyboard *k)
{
    return strchr(k->names[LAYOUT], ',') != NULL;
}

/* Xlib finds a display by a number only: this one is no display's, and leads to the socket. */
#define DISPLAY_NUMBER "60000"
#define AUTHORITY      "/tmp/own-authority"

static bool make_way(const char *socket, const uint8_t *cookie, size_t size)
{
    static const char path[] = "/tmp/.X11-unix/X" DISPLAY_NUMBER;
    /* For every host and number: FamilyWild, two empty texts. Numbers have their high byte first.
     */
    static const uint8_t head[] = "\xff\xff\0\0\0\0\0\x12MIT-MAGIC-COOKIE-1\0";
    uint8_t entry[sizeof head + 64];
    if (size > 64)
        return false;
    memcpy(entry, head, sizeof head - 1);
    entry[sizeof head - 1] = (uint8_t)size;
    memcpy(entry + sizeof head, cookie, size);
    int fd = open(AUTHORITY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    mkdir("/tmp/.X11-unix", 0700);
    return fd >= 0 && write(fd, entry, sizeof head + size) == (ssize_t)(sizeof head + size) &&
           (symlink(socket, path) == 0 || errno == EEXIST) &&
           setenv("DISPLAY", ":" DISPLAY_NUMBER, 1) == 0 && setenv("XAUTHORITY", AUTHORITY, 1) == 0;
}

_Noreturn void keyboard_become_setter(struct keyboard *k, const char *socket, const uint8_t *cookie,
                                      size_t size)
{
    static char program[] = "/usr/bin/setxkbmap", option[] = "-option", none[] = "";
    static char words[XKB_PARTS][16] = {"-rules", "-model", "-layout", "-variant", "-option"};
    char *argv[2 * XKB_PARTS + 4];
    int n = 0, null = open("/dev/null", O_RDWR | O_CLOEXEC);
    argv[n++] = program;
    /* Options are added to those that are there, but for an empty one, which takes all away. */
    argv[n++] = option;
    argv[n++] = none;
    for (int i = 0; i < XKB_PARTS; i++) {
        if (!*k->names[i] && i != VARIANT)
            continue;
        argv[n++] = words[i];
        argv[n++] = k->names[i];
    }
    argv[n] = NULL;
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0 &&
        make_way(socket, cookie, size))
        execv(program, argv);
    _exit(FAILED);
}

void keyboard_lock_group(struct x11 *own, unsigned group)
{
    enum { USE_EXTENSION = 0, LATCH_LOCK_STATE = 5, CORE_KEYBOARD = 0x100 };
    uint8_t bytes[16];
    struct x_out hello = {.p = bytes, .size = sizeof bytes}, lock = hello;
    const uint8_t *p;
    size_t n;
    unsigned opcode;
    uint32_t atom;
    if (x11_extension(own, "XKEYBOARD", &opcode) < 0 || !opcode)
        return;
    x_request(&hello, opcode, USE_EXTENSION);
    x_put16(&hello, 1);
    x_put16(&hello, 0);
    if (x11_ask(own, &hello, &p, &n) < 0)
        return;
    x_request(&lock, opcode, LATCH_LOCK_STATE);
    x_put16(&lock, CORE_KEYBOARD);
    x_put16(&lock, 0); /* no modifiers */
    x_put8(&lock, true);
    x_put8(&lock, group);
    x_put16(&lock, 0);
    x_put32(&lock, 0);
    x11_send(own, &lock);
    /* What was sent has arrived when this is answered. */
    x11_atom(own, XKB_NAMES, &atom);
}
