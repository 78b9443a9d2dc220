/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_RESOLVE_FILES_H
#define CARREL_RESOLVE_FILES_H

#include "resolve/ctx.h"

/* Shared by files.c and host.c. */

const char *why_grant(struct ctx *c, const struct fs_grant *g);
/* Binds p at dst as the grant says and recreates the links that lead to p. */
void put_grant(struct ctx *c, const struct fs_grant *g, const struct path_fact *p, const char *dst);
/* Covers a host path wherever a bind shows it. */
void hide(struct ctx *c, const struct path_fact *p, uint64_t rank, const char *why);
/* The path inside at which node number i shows a host path, or NULL when it does not, or when
 * another node lies over it there. */
const char *shown_at(struct ctx *c, size_t i, const char *real);
/* Whether the app sees a host path anywhere (and, with writable, may change it). */
bool is_shown(struct ctx *c, const char *real, bool writable);
/* The person's folder of this kind: FS_XDG_DATA .. FS_XDG_STATE. */
const char *host_xdg_dir(struct ctx *c, enum fs_base base);
/* The host's path that a word stands for, or NULL: this person has no such folder. */
const char *host_path(struct ctx *c, const struct fs_grant *g);
/* protect.c: what no grant opens */
void protect(struct ctx *c);
/* protect.c: true, and the plan is refused, when a grant names one of these itself */
bool names_guarded(struct ctx *c, const struct fs_grant *g, const char *path);
/* protect.c: keeps the app from renaming what lies above a path that is covered */
void pin_above(struct ctx *c, const char *real, const char *why);
/* protect.c: true, and the plan is refused, when the app could put another link, or a folder, in
 * the place of one on the way to p. what lies behind it is for the message. */
bool link_on_the_way(struct ctx *c, const struct path_fact *p, struct place at, const char *what);
/* links.c: false, and the plan is refused, when a link on the way to p may be the app's own work */
bool links_are_trusted(struct ctx *c, const struct fs_grant *g, const struct path_fact *p);

/* host.c: host, host-os, host-etc, host-root */
void grant_host(struct ctx *c, const struct fs_grant *g);
/* host.c: tells the app where the granted folders of xdg-user-dirs are */
void put_user_dirs(struct ctx *c);

#endif
