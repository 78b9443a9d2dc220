/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /etc: what programs need to look and work as they do outside, and nothing that is a secret, names
 * this machine or its people, or is only for the administrator. Whatever has no row here is not
 * there: shadow, ssh, sudoers, machine-id, fstab, cron, apparmor, NetworkManager, cups' passwords …
 */
#include "resolve/ctx.h"

#include "util/str.h"

#include <inttypes.h>
#include <string.h>

enum needs { ALWAYS, NETWORK, PRINTING, SOUND };

/* Sorted by purpose. A '*' at the end stands for any rest. */
static const struct etc_row {
    const char *name;
    enum needs needs;
    const char *why;
} etc_rows[] = {
    /* starting programs */
    {"ld.so.cache", ALWAYS, "where libraries are"},
    {"alternatives", ALWAYS, "which program or library a name stands for"},
    {"shells", ALWAYS, "which shells there are"},
    {"bash.bashrc", ALWAYS, "shell"},
    {"profile", ALWAYS, "shell"},
    {"inputrc", ALWAYS, "line editing"},
    {"terminfo", ALWAYS, "terminal types"},
    {"zsh", ALWAYS, "shell"},
    {"fish", ALWAYS, "shell"},
    {"os-release", ALWAYS, "which distribution this is"},
    {"debian_version", ALWAYS, "which distribution this is"},
    {"lsb-release", ALWAYS, "which distribution this is"},
    /* language and place */
    {"localtime", ALWAYS, "time zone"},
    {"timezone", ALWAYS, "time zone"},
    {"locale.alias", ALWAYS, "language"},
    {"locale.conf", ALWAYS, "language"},
    {"papersize", ALWAYS, "paper size"},
    {"paperspecs", ALWAYS, "paper size"},
    {"libpaper.d", ALWAYS, "paper size"},
    {"dictionaries-common", ALWAYS, "spelling"},
    {"enchant*", ALWAYS, "spelling"},
    /* looks */
    {"fonts", ALWAYS, "fonts"},
    {"gtk-2.0", ALWAYS, "looks"},
    {"gtk-3.0", ALWAYS, "looks"},
    {"gtk-4.0", ALWAYS, "looks"},
    {"xdg", ALWAYS, "defaults of desktop programs"},
    {"dconf", ALWAYS, "defaults of desktop programs"},
    {"X11", ALWAYS, "X resources, keyboard, colours"},
    {"mime.types", ALWAYS, "file types"},
    {"mailcap", ALWAYS, "file types"},
    {"mailcap.order", ALWAYS, "file types"},
    {"magic", ALWAYS, "file types"},
    {"magic.mime", ALWAYS, "file types"},
    /* graphics */
    {"glvnd", ALWAYS, "graphics drivers"},
    {"drirc", ALWAYS, "graphics drivers"},
    {"vulkan", ALWAYS, "graphics drivers"},
    {"OpenCL", ALWAYS, "graphics drivers"},
    {"vdpau_wrapper.cfg", ALWAYS, "graphics drivers"},
    {"libva.conf", ALWAYS, "graphics drivers"},
    {"ImageMagick-*", ALWAYS, "pictures"},
    {"ghostscript", ALWAYS, "PostScript and PDF"},
    {"poppler", ALWAYS, "PDF"},
    /* sound */
    {"alsa", SOUND, "sound"},
    {"asound.conf", SOUND, "sound"},
    {"openal", SOUND, "sound"},
    {"pipewire", SOUND, "sound"},
    /* trust */
    {"ca-certificates", ALWAYS, "certificates"},
    {"pki", ALWAYS, "certificates"},
    {"gnutls", ALWAYS, "which ciphers may be used"},
    {"crypto-policies", ALWAYS, "which ciphers may be used"},
    /* the network */
    {"resolv.conf", NETWORK, "name servers"},
    {"hosts", NETWORK, "names of hosts"},
    {"host.conf", NETWORK, "names of hosts"},
    {"gai.conf", NETWORK, "order of addresses"},
    {"protocols", NETWORK, "names of protocols"},
    {"services", NETWORK, "names of ports"},
    {"networks", NETWORK, "names of networks"},
    {"rpc", NETWORK, "names of ports"},
    {"ethertypes", NETWORK, "names of protocols"},
    {"netconfig", NETWORK, "names of protocols"},
    {"wgetrc", NETWORK, "defaults of a program"},
    /* languages that programs are written in */
    {"java*", ALWAYS, "Java"},
    {".java", ALWAYS, "Java"},
    {"python3*", ALWAYS, "Python"},
    {"perl", ALWAYS, "Perl"},
    {"php", ALWAYS, "PHP"},
    {"mono", ALWAYS, "Mono"},
    {"emacs", ALWAYS, "defaults of a program"},
    /* programs that ship defaults here */
    {"vim", ALWAYS, "defaults of a program"},
    {"nanorc", ALWAYS, "defaults of a program"},
    {"gimp", ALWAYS, "defaults of a program"},
    {"firefox*", ALWAYS, "defaults and rules of the browser"},
    {"thunderbird", ALWAYS, "defaults of a program"},
    {"chromium", ALWAYS, "defaults and rules of the browser"},
    {"chromium.d", ALWAYS, "defaults and rules of the browser"},
    {"opt", ALWAYS, "rules of browsers that lie in /opt"},
    {"libreoffice", ALWAYS, "defaults of a program"},
    {"texmf", ALWAYS, "TeX"},
    {"groff", ALWAYS, "manual pages"},
    {"manpath.config", ALWAYS, "manual pages"},
    {"speech-dispatcher", SOUND, "speech"},
    {"timidity*", SOUND, "sound"},
};

/* Below /etc, where the folder as a whole may hold secrets. */
static const struct etc_row deep_rows[] = {
    {"/etc/ssl/certs", ALWAYS, "certificates"},
    {"/etc/ssl/openssl.cnf", ALWAYS, "which ciphers may be used"},
    {"/etc/cups/client.conf", PRINTING, "printing"},
};

static bool needed(const struct ctx *c, enum needs needs)
{
    return needs == ALWAYS || (needs == NETWORK && c->network) ||
           (needs == PRINTING && perm_granted(c, PERM_SOCKETS, "cups")) ||
           (needs == SOUND &&
            (perm_granted(c, PERM_SOCKETS, "pulseaudio") || perm_granted(c, PERM_DEVICES, "all")));
}

static bool matches(const char *pattern, const char *name)
{
    size_t n = strlen(pattern) - 1;
    return pattern[n] == '*' ? strncmp(pattern, name, n) == 0 : str_eq(pattern, name);
}

/* A link into /usr stays one (programs read the zone's name from where localtime leads); anything
 * else is bound from where it really is. */
static void put_item(struct ctx *c, const char *path, const struct etc_row *row)
{
    const char *why = concat(c, "base: ", row->why, NULL);
    const struct path_fact *p = facts_path(c->f, path);
    if (p->n_hops == 1 && str_eq(p->hops[0].path, path) && path_within(p->real, "/usr") &&
        present(p))
        put_link(c, p->hops[0].target, path, why);
    else if (p->type == FILE_REGULAR || p->type == FILE_DIR)
        put_bind(c, p, path, why);
}

static void put_host_items(struct ctx *c)
{
    const struct list_fact *etc = facts_list(c->f, "/etc");
    for (size_t i = 0; i < ARRAY_SIZE(etc_rows); i++)
        for (size_t k = 0; needed(c, etc_rows[i].needs) && k < etc->n; k++)
            if (matches(etc_rows[i].name, etc->names[k]))
                put_item(c, join_path(c, "/etc", etc->names[k]), &etc_rows[i]);
    for (size_t i = 0; i < ARRAY_SIZE(deep_rows); i++)
        if (needed(c, deep_rows[i].needs))
            put_item(c, deep_rows[i].name, &deep_rows[i]);
}

/* A field of passwd(5) must not hold a colon or the end of the line. */
static const char *passwd_field(const char *s)
{
    return strpbrk(s, ":\n") ? "/nonexistent" : s;
}

/* The caller and nobody else: who else has an account here is not the app's business. */
static void put_users(struct ctx *c)
{
    const char *why = "base: the caller's name only; the home is the app's own";
    const char *user = c->f->user, *home = passwd_field(c->app_home);
    struct buf passwd = {.arena = c->a}, group = {.arena = c->a};
    unsigned uid = c->f->uid, gid = c->f->gid;
    if (uid != 0)
        buf_str(&passwd, "root:x:0:0:root:/root:/usr/sbin/nologin\n");
    buf_printf(&passwd, "%s:x:%u:%u:%s:%s:/bin/bash\n", user, uid, gid, user, home);
    if (uid != 65534)
        buf_str(&passwd, "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
    if (gid != 0)
        buf_str(&group, "root:x:0:\n");
    if (gid != 5)
        buf_str(&group, "tty:x:5:\n");
    buf_printf(&group, "%s:x:%u:\n", user, gid);
    if (gid != 65534)
        buf_str(&group, "nogroup:x:65534:\n");
    put_text(c, "/etc/passwd", passwd.data, why);
    put_text(c, "/etc/group", group.data, why);
}

static void put_name_service(struct ctx *c)
{
    put_text(c, "/etc/nsswitch.conf",
             "passwd: files\ngroup: files\nshadow: files\ngshadow: files\nhosts: files dns\n"
             "networks: files\nprotocols: files\nservices: files\nethers: files\nrpc: files\n",
             "base: plain files and DNS, no service of the host");
    if (!c->network)
        put_text(c, "/etc/hosts",
                 concat(c, "127.0.0.1\tlocalhost ", c->x11 ? c->f->hostname : "carrel",
                        "\n::1\tlocalhost ip6-localhost ip6-loopback\n", NULL),
                 "base: no network, so only this machine has a name");
}

/* FNV-1a with 64 bits and a start value of our own. */
static uint64_t hash(const char *s, uint64_t h)
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

/*
 * libdbus and others refuse to work without a machine id. The app gets one that is the same for
 * this app on every machine, so that it identifies neither the machine nor the person.
 */
static void put_machine_id(struct ctx *c)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Sandbox", "machine-id");
    const struct path_fact *id = facts_path(c->f, "/etc/machine-id");
    if (v && str_eq(v->value, "true") && id->type == FILE_REGULAR) {
        put_bind(c, id, "/etc/machine-id", why_at(c, v->at, "machine-id", v->value));
    } else {
        uint64_t h = hash(c->q->app_id, 14695981039346656037u);
        put_text(c, "/etc/machine-id",
                 arena_printf(c->a, "%016" PRIx64 "%016" PRIx64 "\n", h, hash("carrel", h)),
                 "base: made from the app's name; not this machine's");
    }
    put_link(c, "../../../etc/machine-id", "/var/lib/dbus/machine-id", "base: compatibility");
}

void rule_etc(struct ctx *c)
{
    put_host_items(c);
    put_users(c);
    put_name_service(c);
    put_machine_id(c);
    put_link(c, "/proc/self/mounts", "/etc/mtab", "base: compatibility");
}
