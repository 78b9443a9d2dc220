/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an app whose bus has the desktop's portals sees of them: the folder with the documents that
 * the person has chosen for it, and the sign by which GTK and Qt leave their dialogs to the portal.
 *
 * That sign is a file in the runtime folder, and not /.flatpak-info in the root: who finds that one
 * takes more for granted than there is (ARCHITECTURE.md). Where there are no portals there is no
 * sign either, as a toolkit that trusts in it shows no dialog of its own any more.
 */
#include "resolve/ctx.h"

#include "util/str.h"

#define DOCUMENTS "/run/flatpak/doc"
#define BACKENDS  "/usr/share/xdg-desktop-portal/portals"

static const char why_documents[] = "base: files that the person chooses for it";

/*
 * At Flatpak's place and at the portal's own: a path that the portal tells is one on the host, or
 * begins with /run/flatpak/doc.
 */
static bool put_documents(struct ctx *c, const char *bus)
{
    const char *of_host = c->f->runtime_dir, *what = "the documents of the portal";
    if (!of_host || !facts_documents(c->f, bus)) {
        put_missing(c, what, why_documents, "the document portal does not run");
        return false;
    }
    const char *doc = join_path(c, of_host, "doc");
    const struct path_fact *own = facts_path(c->f, concat(c, doc, "/by-app/", c->q->app_id, NULL));
    if (own->type != FILE_DIR || own->n_hops) {
        put_missing(c, what, why_documents, "%s is not there", own->path);
        return false;
    }
    tree_put(
        &c->tree,
        (struct node){
            .kind = NODE_BIND, .dst = DOCUMENTS, .src = own, .rw = true, .why = why_documents});
    put_link(c, DOCUMENTS, join_path(c, c->runtime, "doc"), why_documents);
    if (!str_eq(of_host, c->runtime))
        put_link(c, DOCUMENTS, doc, why_documents);
    return true;
}

/*
 * The portal Background writes an entry for the start of a session that says `flatpak run`: a
 * helper writes it anew, see src/autostart. It sees the person's folder of such entries, and the
 * app does not.
 */
static void put_autostart(struct ctx *c)
{
    static const char inside[] = "/autostart";
    const char *why = "base: what the portal lets start with the session starts confined";
    const char *config = facts_env(c->f, "XDG_CONFIG_HOME");
    if (!config || *config != '/')
        config = c->f->home ? join_path(c, c->f->home, ".config") : NULL;
    if (!config || !c->q->carrel)
        return;
    const struct path_fact *folder = facts_path(c->f, join_path(c, config, "autostart"));
    bool there = folder->type == FILE_DIR;
    if (!there && folder->type != FILE_ABSENT) {
        put_missing(c, "start with the session", why, "%s is no folder", folder->path);
        return;
    }
    struct plan_service *s = begin_watch(c, "autostart", folder->real, why);
    if (!s)
        return;
    plan_add(s->plan, PLAN_BIND, why, folder->real, inside, "rw,noexec",
             there ? path_identity(c->a, folder) : NULL, (char *)NULL);
    const char *args[] = {arena_printf(c->a, "%d", SERVICE_LISTEN_FD),
                          arena_printf(c->a, "%d", SERVICE_CONTROL_FD), c->q->app_id, c->q->carrel,
                          inside};
    for (size_t i = 0; i < ARRAY_SIZE(args); i++)
        plan_add(s->plan, PLAN_ARG, "base: its descriptors, the app, Carrel", args[i],
                 (char *)NULL);
}

void put_portals(struct ctx *c, const char *bus)
{
    const char *why = "base: dialogs are the portal's", *info = instance_info(c);
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Bus", "portals");
    if (v && str_eq(v->value, "false"))
        return;
    put_autostart(c);
    if (!put_documents(c, bus) || !info)
        return;
    if (facts_list(c->f, BACKENDS)->n == 0) {
        put_missing(c, "dialogs of the portal", why, BACKENDS " is empty");
        return;
    }
    put_text(c, join_path(c, c->runtime, "flatpak-info"), info, why);
    put_env(c, "GDK_DEBUG", "portals", why); /* GTK 4 does not look there */
}
