/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/policy.h"

#include "policy/keyfile.h"
#include "policy/keywords.h"
#include "policy/merge.h"
#include "policy/read.h"
#include "util/str.h"

#include <assert.h>
#include <string.h>

/* ---- [Context] ---- */

static void read_perms(struct source *s, enum perm_kind kind, const struct kf_item *v, size_t n)
{
    struct layer_perms l = {0};
    for (size_t i = 0; i < n; i++)
        perm_read_word(s, kind, &l, v[i].text, v[i].at);
    perms_merge(s, kind, &l);
}

static void read_shared(struct source *s, const struct kf_item *v, size_t n)
{
    read_perms(s, PERM_SHARED, v, n);
}

static void read_sockets(struct source *s, const struct kf_item *v, size_t n)
{
    read_perms(s, PERM_SOCKETS, v, n);
}

static void read_devices(struct source *s, const struct kf_item *v, size_t n)
{
    read_perms(s, PERM_DEVICES, v, n);
}

static void read_features(struct source *s, const struct kf_item *v, size_t n)
{
    read_perms(s, PERM_FEATURES, v, n);
}

/* Tells of words that say two things of one place; the last one holds. */
static void warn_of_repeats(struct source *s, const struct layer_fs *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (v[i].grant.base == v[k].grant.base && v[i].grant.mode != v[k].grant.mode &&
                !v[k].reset && str_eq(v[i].grant.sub, v[k].grant.sub))
                source_diag(s, DIAG_WARNING, v[i].grant.at, NULL,
                            "\"%s\" is given twice in different ways; the last one holds",
                            v[i].grant.text);
}

static void read_filesystems(struct source *s, const struct kf_item *v, size_t n)
{
    struct layer_fs *words = arena_array(s->p->arena, n, sizeof *words);
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        bool negated = *v[i].text == '!';
        good += fs_read_word(s, v[i].text + negated, negated, v[i].at, &words[good]);
    }
    warn_of_repeats(s, words, good);
    fs_merge(s, words, good);
}

static void read_persistent(struct source *s, const struct kf_item *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fs_grant g;
        if (fs_read_persistent(s, v[i].text, v[i].at, &g))
            persistent_set(s, g);
    }
}

static void read_unset(struct source *s, const struct kf_item *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (env_name_ok(s, v[i].text, v[i].at))
            env_set(s->p, v[i].text, NULL, v[i].at);
}

static const struct {
    const char *key;
    void (*read)(struct source *s, const struct kf_item *v, size_t n);
} context_keys[] = {
    {"shared", read_shared},           {"sockets", read_sockets},
    {"devices", read_devices},         {"features", read_features},
    {"filesystems", read_filesystems}, {"persistent", read_persistent},
    {"unset-environment", read_unset},
};

static void unknown_key(struct source *s, const char *group, const struct kf_entry *e)
{
    if (keyword_find(KEYWORD_PASSED_KEY, group, e->key))
        return;
    source_diag(s, s->strict ? DIAG_ERROR : DIAG_WARNING, e->key_at,
                keyword_hint(s->p->arena, KEYWORD_KEY, group, e->key), "\"%s\" is no key of [%s]%s",
                e->key, group, s->strict ? "" : "; it has no effect");
}

static void read_context(struct source *s, const char *group, const struct kf_entry *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(context_keys); i++) {
        if (str_eq(context_keys[i].key, e->key)) {
            struct kf_item *items;
            size_t n = kf_list(s, e->value, e->at, &items);
            context_keys[i].read(s, items, n);
            return;
        }
    }
    unknown_key(s, group, e);
}

/* ---- other groups ---- */

static void read_application(struct source *s, const char *group, const struct kf_entry *e)
{
    bool name = str_eq(e->key, "name");
    if (!name && !str_eq(e->key, "command")) {
        unknown_key(s, group, e);
        return;
    }
    const char *value = kf_string(s, e->value, e->at);
    if (!value)
        return;
    if (name) {
        const char *error = app_id_error(value);
        if (error)
            source_diag(s, DIAG_ERROR, e->at, "an app id looks like org.example.App",
                        "\"%s\" is no app id: %s", value, error);
        else
            s->p->app_id = value;
    } else {
        policy_set_command(s, value, e->at);
    }
}

void policy_set_command(struct source *s, const char *value, struct place at)
{
    if (*value == '\0' || unsafe_char(value)) {
        source_diag(s, DIAG_ERROR, at, "write the name of a program, or its path",
                    "\"%s\" is no command", value);
        return;
    }
    s->p->command = value;
    s->p->command_at = at;
}

static void read_environment(struct source *s, const char *group, const struct kf_entry *e)
{
    (void)group;
    if (!env_name_ok(s, e->key, e->key_at))
        return;
    const char *value = kf_string(s, e->value, e->at);
    if (value)
        env_set(s->p, e->key, value, e->at);
}

static void read_bus(struct source *s, enum bus_kind kind, const struct kf_entry *e)
{
    const char *value = kf_string(s, e->value, e->at);
    if (!value)
        return;
    const struct keyword *k = keyword_find(KEYWORD_WORD, "bus", value);
    if (k)
        bus_set(s, kind, e->key, (enum bus_access)k->value, e->key_at);
    else
        source_diag(s, DIAG_ERROR, e->at, keyword_hint(s->p->arena, KEYWORD_WORD, "bus", value),
                    "\"%s\" is no access to a name on a bus", value);
}

static void read_session_bus(struct source *s, const char *group, const struct kf_entry *e)
{
    (void)group;
    read_bus(s, BUS_SESSION, e);
}

static void read_system_bus(struct source *s, const char *group, const struct kf_entry *e)
{
    (void)group;
    read_bus(s, BUS_SYSTEM, e);
}

static void read_a11y_bus(struct source *s, const char *group, const struct kf_entry *e)
{
    (void)group;
    read_bus(s, BUS_A11Y, e);
}

static void read_carrel(struct source *s, const char *group, const struct kf_entry *e)
{
    carrel_set(s, group, e->key, e->value, e->key_at, e->at);
}

typedef void read_entry(struct source *s, const char *group, const struct kf_entry *e);

static const struct {
    const char *group;
    read_entry *read;
} groups[] = {
    {"Application", read_application},
    /* before [Context], whose unset-environment wins */
    {"Environment", read_environment},
    {"Context", read_context},
    {"Session Bus Policy", read_session_bus},
    {"System Bus Policy", read_system_bus},
    {"Accessibility Bus Policy", read_a11y_bus},
    {"Carrel Application", read_carrel},
    {"Carrel Sandbox", read_carrel},
    {"Carrel Display", read_carrel},
    {"Carrel Sound", read_carrel},
    {"Carrel Bus", read_carrel},
    {"Carrel Limits", read_carrel},
    {"Carrel Ask", read_carrel},
    {"Carrel Environment", read_carrel},
};

/* ---- files ---- */

static void read_group(struct source *s, const struct kf_group *g, read_entry *read)
{
    if (g->again.line)
        source_diag(s, DIAG_WARNING, g->again, "gather the keys below one header",
                    "[%s] stands twice, first on line %d; both are read", g->name, g->at.line);
    for (size_t i = 0; i < g->n; i++) {
        const struct kf_entry *e = &g->v[i];
        if (e->locale) {
            source_diag(s, DIAG_WARNING, e->key_at, NULL,
                        "\"%s[%s]\": languages have no meaning here; it has no effect", e->key,
                        e->locale);
            continue;
        }
        if (e->replaces)
            source_diag(s, DIAG_WARNING, e->key_at, "write one list, or take one of them out",
                        "\"%s\" stands twice, first on line %d; only the last one holds", e->key,
                        e->replaces);
        read(s, g->name, e);
    }
}

static void unknown_group(struct source *s, const struct kf_group *g)
{
    bool error = s->strict || str_after(g->name, "Carrel");
    if (keyword_group_passed(g->name))
        return;
    source_diag(s, error ? DIAG_ERROR : DIAG_WARNING, g->at,
                keyword_hint(s->p->arena, KEYWORD_GROUP, "", g->name),
                "[%s] is no group that Carrel knows%s", g->name, error ? "" : "; it has no effect");
}

static bool group_known(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        if (str_eq(groups[i].group, name))
            return true;
    return false;
}

void policy_read_keyfile(struct source *s, const struct keyfile *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (!group_known(k->v[i].name))
            unknown_group(s, &k->v[i]);
    for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
        for (size_t i = 0; i < k->n; i++)
            if (str_eq(groups[g].group, k->v[i].name))
                read_group(s, &k->v[i], groups[g].read);
}

void policy_merge_text(struct policy *p, enum policy_layer layer, const char *name,
                       const char *text, size_t size, struct diags *d)
{
    struct source s = {.p = p, .d = d};
    struct keyfile k = {0};
    size_t told = d->n;
    assert(layer >= p->top);
    p->top = layer;
    name = arena_strdup(p->arena, name);
    p->files = arena_grow(p->arena, p->files, p->n_files, &p->cap_files, sizeof *p->files);
    p->files[p->n_files++] = name;
    s.rank = (unsigned)p->n_files;
    keyfile_read(&k, &s, name, text, size);
    policy_read_keyfile(&s, &k);
    source_sort_diags(d, told);
}

/* ---- asking ---- */

const char *place_text_of(struct arena *a, struct place at)
{
    const char *file = at.file ? at.file : "carrel";
    if (at.line > 0)
        return arena_printf(a, "%s:%d", file, at.line);
    if (at.col > 0)
        return arena_printf(a, "%s, argument %d", file, at.col);
    return file;
}

static bool id_char(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* What the desktop's own services are called: an app owns what is below its id. And what portals
 * call a snap. */
static const char *const reserved_ids[] = {
    "org.freedesktop.DBus",
    "org.freedesktop.portal",
    "org.freedesktop.impl",
    "org.freedesktop.Notifications",
    "org.freedesktop.systemd1",
    "org.freedesktop.secrets",
    "snap",
};

static bool is_reserved(const char *id)
{
    for (size_t i = 0; i < ARRAY_SIZE(reserved_ids); i++) {
        const char *rest = str_after(id, reserved_ids[i]);
        if (rest && (*rest == '.' || *rest == '\0'))
            return true;
    }
    return false;
}

const char *app_id_error(const char *id)
{
    const char *last = strrchr(id, '.');
    bool first = true;
    if (*id == '\0')
        return "it is empty";
    if (strlen(id) > 255)
        return "it is longer than 255 bytes";
    if (!last)
        return "it needs two elements at least, with a dot between them";
    for (const char *p = id; *p; p++) {
        if (*p == '.' && (first || p[1] == '\0'))
            return "an element is empty";
        if (*p == '-' && p < last)
            return "'-' may stand in the last element only";
        if (*p == '-' && first)
            return "an element can not begin with '-'";
        if (*p != '.' && *p != '-' && !id_char(*p, first))
            return first ? "each element begins with a letter or '_'"
                         : "only letters, digits, '_' and '-' may stand in it";
        first = *p == '.';
    }
    return is_reserved(id) ? "the desktop's own services have such names" : NULL;
}
