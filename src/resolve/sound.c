/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sockets=pulseaudio: sound, by way of a sound server of the app's own (carrel-sound), as [Carrel
 * Sound] says. The person's own server gives the microphone, what others play and modules that
 * write files and listen on the network, so its socket goes in only where that is written. Unlike
 * Flatpak we do not add the bare sound card (/dev/snd): who needs it grants devices=all.
 */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

/* Where the person's server is, in the sound server's own root; the name of its socket where that
 * is in its folder. */
#define SERVER "/server"
#define NAME   "native"

/* The path in PULSE_SERVER, of which there may be several: the usual one when it is not set; NULL:
 * on the network. "{machine-id}unix:/path": the braces say for which machine it holds. */
static const char *server_path(struct ctx *c, const char **told)
{
    *told = facts_env(c->f, "PULSE_SERVER");
    if (!*told || !**told)
        return c->f->runtime_dir ? join_path(c, c->f->runtime_dir, "pulse/native") : "";
    const char *s = **told == '{' ? strchr(*told, '}') : NULL;
    s = s ? s + 1 : *told;
    s = str_after(s, "unix:") ? str_after(s, "unix:") : s;
    return *s == '/' ? s : NULL;
}

/* Shared memory is off, as the app's /dev/shm is its own. */
static void put_client(struct ctx *c, const char *inside, const char *why)
{
    const char *config = "/run/carrel/pulse-client.conf";
    put_text(c, config, "autospawn = no\nenable-shm = no\n", why);
    put_env(c, "PULSE_CLIENTCONFIG", config, why);
    put_env(c, "PULSE_SERVER", concat(c, "unix:", inside, NULL), why);
}

/* No cookie goes in: the server knows the caller by the uid that the kernel vouches for. */
static void put_host(struct ctx *c, const struct path_fact *socket, const char *inside,
                     struct place at, const char *why)
{
    diag_add(c->d, DIAG_NOTE, at, "write sound=play to let it play, and nothing else",
             "the app gets the sound server's own socket: it can listen to the microphone and to "
             "what others play, and have files written and ports opened outside");
    put_bind(c, socket, inside, why);
    put_client(c, inside, why);
}

/* Where the person's server is. One that starts again makes its socket anew, in a folder that is
 * its alone: usually that is known, and goes in. */
struct server {
    const struct path_fact *socket, *folder; /* folder: NULL when the socket is somewhere else */
};

/* path: "" is none. Both are asked for at once, as facts are looked at in rounds. */
static struct server server_at(struct ctx *c, const char *path)
{
    struct server s = {.socket = *path ? facts_path(c->f, path_clean(c->a, path)) : NULL};
    if (!s.socket || !c->f->runtime_dir)
        return s;
    s.folder = facts_path(c->f, join_path(c, c->f->runtime_dir, "pulse"));
    if (s.folder->type != FILE_DIR || !str_eq(s.socket->real, join_path(c, s.folder->real, NAME)))
        s.folder = NULL;
    return s;
}

static void put_own(struct ctx *c, const struct server *server, const char *inside, const char *way,
                    const char *why)
{
    struct plan_service *s = begin_service(c, "sound", inside, why);
    if (!s)
        return;
    const struct path_fact *from = server->folder ? server->folder : server->socket;
    plan_add(s->plan, PLAN_BIND, why, from->real, SERVER, "ro", path_identity(c->a, from),
             (char *)NULL);
    const char *args[] = {c->q->app_id, way, server->folder ? SERVER "/" NAME : SERVER};
    for (size_t i = 0; i < ARRAY_SIZE(args); i++)
        plan_add(s->plan, PLAN_ARG, "base: for whom, what, and the server", args[i], (char *)NULL);
    put_client(c, inside, why);
}

void rule_sound(struct ctx *c)
{
    const struct perm *perm = perm_granted(c, PERM_SOCKETS, "pulseaudio");
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Sound", "sound");
    const char *way = v ? v->value : "play", *told;
    if (!perm || str_eq(way, "none"))
        return;
    bool host = str_eq(way, "host");
    const char *why = why_perm(c, PERM_SOCKETS, perm), *path = server_path(c, &told);
    const char *inside = join_path(c, c->runtime, "pulse/native");
    why = concat(c, why, "; ", v ? why_at(c, v->at, "sound", way) : "base: sound=play", NULL);
    if (!path && host && c->network) {
        put_env(c, "PULSE_SERVER", told, why);
        return;
    }
    if (!path) {
        put_missing(c, "sockets=pulseaudio", why,
                    "PULSE_SERVER names a server on the network, which only sound=host with "
                    "shared=network uses");
        return;
    }
    const struct server server = server_at(c, path);
    const struct path_fact *socket = server.socket;
    if (!host && server.folder && socket->type == FILE_ABSENT)
        put_own(c, &server, inside, way,
                concat(c, why, "; no sound server runs yet: from when one does", NULL));
    else if (!socket || socket->type != FILE_SOCKET)
        put_missing(c, "sockets=pulseaudio", why, "%s%s", *path ? path : "its socket",
                    socket && present(socket)
                        ? " is not a socket"
                        : " is not there: no sound server runs (package pipewire-pulse, or "
                          "pulseaudio)");
    else if (host)
        put_host(c, socket, inside, v->at, why);
    else
        put_own(c, &server, inside, way, why);
}
