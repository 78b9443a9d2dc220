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
    {"ld.so.cache", ALWAYS, "base: where libraries are"},
    {"alternatives", ALWAYS, "base: which program or library a name stands for"},
    {"shells", ALWAYS, "base: which shells there are"},
    {"bash.bashrc", ALWAYS, "base: shell"},
    {"profile", ALWAYS, "base: shell"},
    {"inputrc", ALWAYS, "base: line editing"},
    {"terminfo", ALWAYS, "base: terminal types"},
    {"zsh", ALWAYS, "base: shell"},
    {"fish", ALWAYS, "base: shell"},
    {"os-release", ALWAYS, "base: which distribution this is"},
    {"debian_version", ALWAYS, "base: which distribution this is"},
    {"lsb-release", ALWAYS, "base: which distribution this is"},
    /* language and place */
    {"localtime", ALWAYS, "base: time zone"},
    {"timezone", ALWAYS, "base: time zone"},
    {"locale.alias", ALWAYS, "base: language"},
    {"locale.conf", ALWAYS, "base: language"},
    {"papersize", ALWAYS, "base: paper size"},
    {"paperspecs", ALWAYS, "base: paper size"},
    {"libpaper.d", ALWAYS, "base: paper size"},
    {"dictionaries-common", ALWAYS, "base: spelling"},
    {"enchant*", ALWAYS, "base: spelling"},
    /* looks */
    {"fonts", ALWAYS, "base: fonts"},
    {"gtk-2.0", ALWAYS, "base: looks"},
    {"gtk-3.0", ALWAYS, "base: looks"},
    {"gtk-4.0", ALWAYS, "base: looks"},
    {"xdg", ALWAYS, "base: defaults of desktop programs"},
    {"dconf", ALWAYS, "base: defaults of desktop programs"},
    {"X11", ALWAYS, "base: X resources, keyboard, colours"},
    {"mime.types", ALWAYS, "base: file types"},
    {"mailcap", ALWAYS, "base: file types"},
    {"mailcap.order", ALWAYS, "base: file types"},
    {"magic", ALWAYS, "base: file types"},
    {"magic.mime", ALWAYS, "base: file types"},
    /* graphics */
    {"glvnd", ALWAYS, "base: graphics drivers"},
    {"drirc", ALWAYS, "base: graphics drivers"},
    {"vulkan", ALWAYS, "base: graphics drivers"},
    {"OpenCL", ALWAYS, "base: graphics drivers"},
    {"vdpau_wrapper.cfg", ALWAYS, "base: graphics drivers"},
    {"libva.conf", ALWAYS, "base: graphics drivers"},
    {"ImageMagick-*", ALWAYS, "base: pictures"},
    {"ghostscript", ALWAYS, "base: PostScript and PDF"},
    {"poppler", ALWAYS, "base: PDF"},
    /* sound */
    {"alsa", SOUND, "base: sound"},
    {"asound.conf", SOUND, "base: sound"},
    {"openal", SOUND, "base: sound"},
    {"pipewire", SOUND, "base: sound"},
    /* trust */
    {"ca-certificates", ALWAYS, "base: certificates"},
    {"pki", ALWAYS, "base: certificates"},
    {"gnutls", ALWAYS, "base: which ciphers may be used"},
    {"crypto-policies", ALWAYS, "base: which ciphers may be used"},
    /* the network */
    {"resolv.conf", NETWORK, "base: name servers"},
    {"hosts", NETWORK, "base: names of hosts"},
    {"host.conf", NETWORK, "base: names of hosts"},
    {"gai.conf", NETWORK, "base: order of addresses"},
    {"protocols", NETWORK, "base: names of protocols"},
    {"services", NETWORK, "base: names of ports"},
    {"networks", NETWORK, "base: names of networks"},
    {"rpc", NETWORK, "base: names of ports"},
    {"ethertypes", NETWORK, "base: names of protocols"},
    {"netconfig", NETWORK, "base: names of protocols"},
    {"wgetrc", NETWORK, "base: defaults of a program"},
    /* languages that programs are written in */
    {"java*", ALWAYS, "base: Java"},
    {".java", ALWAYS, "base: Java"},
    {"python3*", ALWAYS, "base: Python"},
    {"perl", ALWAYS, "base: Perl"},
    {"php", ALWAYS, "base: PHP"},
    {"mono", ALWAYS, "base: Mono"},
    {"emacs", ALWAYS, "base: defaults of a program"},
    /* programs that ship defaults here */
    {"vim", ALWAYS, "base: defaults of a program"},
    {"nanorc", ALWAYS, "base: defaults of a program"},
    {"gimp", ALWAYS, "base: defaults of a program"},
    {"firefox*", ALWAYS, "base: defaults and rules of the browser"},
    {"thunderbird", ALWAYS, "base: defaults of a program"},
    {"chromium", ALWAYS, "base: defaults and rules of the browser"},
    {"chromium.d", ALWAYS, "base: defaults and rules of the browser"},
    {"opt", ALWAYS, "base: rules of browsers that lie in /opt"},
    {"libreoffice", ALWAYS, "base: defaults of a program"},
    {"texmf", ALWAYS, "base: TeX"},
    {"groff", ALWAYS, "base: manual pages"},
    {"manpath.config", ALWAYS, "base: manual pages"},
    {"speech-dispatcher", SOUND, "base: speech"},
    {"timidity*", SOUND, "base: sound"},
};

/* Below /etc, where the folder as a whole may hold secrets. */
static const struct etc_row deep_rows[] = {
    {"/etc/ssl/certs", ALWAYS, "base: certificates"},
    {"/etc/ssl/openssl.cnf", ALWAYS, "base: which ciphers may be used"},
    {"/etc/cups/client.conf", PRINTING, "base: printing"},
};

static bool needed(const struct ctx *c, enum needs needs)
{
    return needs == ALWAYS || (needs == NETWORK && c->network) ||
           (needs == PRINTING && perm_granted(c, PERM_SOCKETS, "cups")) ||
           (needs == SOUND &&
            (perm_granted(c, PERM_SOCKETS, "pulseaudio") || perm_granted(c, PERM_DEVICES, "all")));
}

/* The first of the sorted names that is not below the pattern's fixed part. */
static size_t first_match(const struct list_fact *l, const char *pattern, size_t n)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (strncmp(l->names[mid], pattern, n) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* A link into /usr stays one (programs read the zone's name from where localtime leads); anything
 * else is bound from where it really is. */
static void put_item(struct ctx *c, const char *path, const struct etc_row *row)
{
    const struct path_fact *p = facts_path(c->f, path);
    if (p->n_hops == 1 && str_eq(p->hops[0].path, path) && path_within(p->real, "/usr") &&
        present(p))
        put_link(c, p->hops[0].target, path, row->why);
    else if (p->type == FILE_REGULAR || p->type == FILE_DIR)
        put_bind(c, p, path, row->why);
}

static void put_matching(struct ctx *c, const struct list_fact *etc, const struct etc_row *row)
{
    size_t n = strcspn(row->name, "*");
    for (size_t i = first_match(etc, row->name, n); i < etc->n; i++) {
        const char *name = etc->names[i];
        if (strncmp(name, row->name, n) != 0)
            break;
        if (row->name[n] == '*' || name[n] == '\0')
            put_item(c, join_path(c, "/etc", name), row);
    }
}

/*
 * /etc/NAME, NAMErc and NAME.conf of the program itself: the defaults that its package ships. NAME
 * alone only as a folder, lest a program that is called passwd gets that file. Not for root, who
 * could read secrets there that the person cannot.
 */
static void put_own_defaults(struct ctx *c, const struct list_fact *etc)
{
    static const char *const suffixes[] = {"", "rc", ".conf"};
    const char *slash = strrchr(c->q->program, '/'), *program = slash ? slash + 1 : c->q->program;
    for (size_t i = 0; *program && c->f->uid != 0 && i < ARRAY_SIZE(suffixes); i++) {
        struct etc_row row = {concat(c, program, suffixes[i], NULL), ALWAYS,
                              "base: defaults of this program"};
        size_t at = first_match(etc, row.name, strlen(row.name));
        bool there = at < etc->n && str_eq(etc->names[at], row.name);
        const char *path = there ? join_path(c, "/etc", row.name) : NULL;
        bool folder = there && facts_path(c->f, path)->type == FILE_DIR;
        if (there && folder == (i == 0) && !tree_host_path(&c->tree, path))
            put_item(c, path, &row);
    }
}

/* What the policy says that the app's packages keep there. What is made for the app stays so, and
 * root could read more there than the person, so for root there is none of it. */
static void put_policy_items(struct ctx *c)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Application", "etc");
    size_t n = 0;
    const char *const *names = v && c->f->uid != 0 ? policy_list(c->a, v->value, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        const char *path = join_path(c, "/etc", names[i]);
        if (!tree_host_path(&c->tree, path))
            put_item(c, path,
                     &(struct etc_row){names[i], ALWAYS, why_at(c, v->at, "etc", names[i])});
    }
}

static void put_host_items(struct ctx *c)
{
    const struct list_fact *etc = facts_list(c->f, "/etc");
    for (size_t i = 0; i < ARRAY_SIZE(etc_rows); i++)
        if (needed(c, etc_rows[i].needs))
            put_matching(c, etc, &etc_rows[i]);
    for (size_t i = 0; i < ARRAY_SIZE(deep_rows); i++)
        if (needed(c, deep_rows[i].needs))
            put_item(c, deep_rows[i].name, &deep_rows[i]);
    put_own_defaults(c, etc);
    put_policy_items(c);
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
