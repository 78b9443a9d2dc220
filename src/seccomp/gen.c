/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs while Carrel is built: has libseccomp compile the tables of groups.c, once for each set of
 * features, and writes the programs as C source.
 *
 *     seccomp-gen MACHINE OUTPUT.c        those of the apps
 *     seccomp-gen MACHINE OUTPUT.h ROOM   that of a room's processes, for it to include
 */
#include "seccomp/groups.h"
#include "seccomp/seccomp.h"
#include "util/str.h"
#include <err.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A filter longer than this the kernel refuses (BPF_MAXINSNS). */
enum { MAX_INSTRUCTIONS = 4096, MAX_NAME = 64, MAX_ROWS = 80 };

/* The machines we know, with the ABI that the feature multiarch adds. */
static const struct machine {
    const char *name;
    uint32_t native, second;
} machines[] = {
    {"x86_64", SCMP_ARCH_X86_64, SCMP_ARCH_X86},
    {"aarch64", SCMP_ARCH_AARCH64, SCMP_ARCH_ARM},
};

static const struct machine *find_machine(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
        if (str_eq(machines[i].name, name) && machines[i].native == seccomp_arch_native())
            return &machines[i];
    }
    errx(1, "%s: no filter can be made for this machine here", name);
}

static const char *copy_name(char out[MAX_NAME], const char *s, size_t n)
{
    if (n >= MAX_NAME)
        errx(1, "%.*s: name too long", (int)n, s);
    memcpy(out, s, n);
    out[n] = '\0';
    return out;
}

static int new_call_number(const struct machine *m, const char *name)
{
    for (size_t i = 0; i < seccomp_new_call_count; i++) {
        const struct seccomp_new_call *c = &seccomp_new_calls[i];
        if (str_eq(c->name, name) && (!c->only || str_eq(c->only, m->name)))
            return c->number;
    }
    return -1;
}

/*
 * What to pass to libseccomp so that it means this call on `arch`, or -1 when it has none there.
 * Names that libseccomp does not know are given as plain numbers, which works for the native
 * ABI only; on the other one such a new call does not exist, and programs know how to do without.
 */
static int rule_number(const struct machine *m, uint32_t arch, const char *name)
{
    int there = seccomp_syscall_resolve_name_arch(arch, name);
    if (there >= 0 || (there <= -100 && there > -1000)) /* plain, or by a multiplexer */
        return seccomp_syscall_resolve_name(name);
    if (there == __NR_SCMP_ERROR && arch == m->native)
        return new_call_number(m, name);
    return -1;
}

static uint32_t action(int error)
{
    return error ? SCMP_ACT_ERRNO((uint16_t)error) : SCMP_ACT_ALLOW;
}

static void add(scmp_filter_ctx ctx, const char *name, uint32_t act, int number, unsigned n,
                const struct scmp_arg_cmp *args)
{
    int r = seccomp_rule_add_array(ctx, act, number, n, args);
    if (r < 0)
        errx(1, "%s: libseccomp: %s", name, strerror(-r));
}

/* Adds the argument rules of a call that stand. Returns their number; 0: it has none. */
static int add_rules(scmp_filter_ctx ctx, unsigned features, const char *name, int number)
{
    int rows = 0, otherwise = 0;
    for (size_t i = 0; i < seccomp_rule_count; i++) {
        const struct seccomp_rule *r = &seccomp_rules[i];
        if (!str_eq(r->call, name) || !seccomp_stands(features, r->need, r->without))
            continue;
        struct scmp_arg_cmp args[2];
        for (unsigned k = 0; k < r->tests; k++)
            args[k] =
                SCMP_CMP(r->test[k].arg, SCMP_CMP_MASKED_EQ, r->test[k].mask, r->test[k].value);
        unsigned n = r->tests;
        if (!n) {
            /* Holds always; libseccomp puts it behind the masked tests of the same argument. */
            unsigned arg = 0;
            for (size_t k = 0; k < seccomp_rule_count; k++) {
                if (str_eq(seccomp_rules[k].call, name) && seccomp_rules[k].tests)
                    arg = seccomp_rules[k].test[0].arg;
            }
            args[n++] = SCMP_CMP(arg, SCMP_CMP_GE, 0, 0);
            otherwise++;
        }
        add(ctx, name, action(r->error), number, n, args);
        rows++;
    }
    if (rows && otherwise != 1)
        errx(1, "%s: %d rows for all other arguments, want 1 (features %#x)", name, otherwise,
             features);
    return rows;
}

static void add_allowed(scmp_filter_ctx ctx, const struct machine *m, uint32_t arch,
                        unsigned features, const char *list)
{
    size_t n;
    char name[MAX_NAME];
    for (const char *s; (s = seccomp_next_call(&list, &n));) {
        int number = rule_number(m, arch, copy_name(name, s, n));
        if (number == -1)
            continue;
        /* Where a multiplexer (socketcall) carries the call too, libseccomp can't tell the two
         * apart and no rule about arguments would hold: the call is allowed whole. */
        bool multiplexed = seccomp_syscall_resolve_name_arch(arch, name) <= -100;
        if (multiplexed || !add_rules(ctx, features, name, number))
            add(ctx, name, SCMP_ACT_ALLOW, number, 0, NULL);
    }
}

static void add_refused(scmp_filter_ctx ctx, const struct machine *m, uint32_t arch,
                        unsigned features, const struct seccomp_refusal *refusal)
{
    size_t n;
    char name[MAX_NAME];
    const char *list = refusal->calls;
    if (refusal->error == ENOSYS) /* the filter's default */
        return;
    for (const char *s; (s = seccomp_next_call(&list, &n));) {
        int number = rule_number(m, arch, copy_name(name, s, n));
        if (number != -1 && !seccomp_allows(features, name, n))
            add(ctx, name, action(refusal->error), number, 0, NULL);
    }
}

static scmp_filter_ctx abi_filter(const struct machine *m, uint32_t arch, unsigned features)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int r = ctx ? 0 : -ENOMEM;
    if (r >= 0 && arch != m->native) {
        r = seccomp_arch_add(ctx, arch);
        if (r >= 0)
            r = seccomp_arch_remove(ctx, m->native);
    }
    if (r >= 0)
        r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r >= 0) /* a binary tree: calls with argument rules are not cached by the kernel */
        r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r < 0)
        errx(1, "libseccomp: %s", strerror(-r));
    for (size_t i = 0; i < seccomp_group_count; i++) {
        if (seccomp_stands(features, seccomp_groups[i].need, 0))
            add_allowed(ctx, m, arch, features, seccomp_groups[i].calls);
    }
    for (size_t i = 0; i < seccomp_refusal_count; i++)
        add_refused(ctx, m, arch, features, &seccomp_refusals[i]);
    return ctx;
}

/* Compiles into prog, which holds MAX_INSTRUCTIONS. Returns the number of instructions. */
static size_t export(scmp_filter_ctx ctx, struct sock_filter *prog)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        err(1, "memfd_create");
    int r = seccomp_export_bpf(ctx, fd);
    if (r < 0)
        errx(1, "libseccomp: exporting: %s", strerror(-r));
    ssize_t size = pread(fd, prog, MAX_INSTRUCTIONS * sizeof *prog, 0);
    if (size <= 0 || (size_t)size % sizeof *prog || lseek(fd, 0, SEEK_END) != size)
        errx(1, "libseccomp exported a filter of a strange size");
    close(fd);
    seccomp_release(ctx);
    return (size_t)size / sizeof *prog;
}

static size_t compile(const struct machine *m, unsigned features, struct sock_filter *prog)
{
    scmp_filter_ctx ctx = abi_filter(m, m->native, features);
    if (features & SECCOMP_MULTIARCH) {
        int r = seccomp_merge(ctx, abi_filter(m, m->second, features));
        if (r < 0)
            errx(1, "libseccomp: merging: %s", strerror(-r));
    }
    return export(ctx, prog);
}

static void write_program(FILE *out, const char *name, const struct sock_filter *prog, size_t n)
{
    fprintf(out, "static const struct sock_filter %s[] = {\n", name);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "{%#x,%u,%u,%#x},%s", (unsigned)prog[i].code, (unsigned)prog[i].jt,
                (unsigned)prog[i].jf, prog[i].k, i % 8 == 7 ? "\n" : "");
    fprintf(out, "};\n");
}

/* The filter of processes of ours: whatever is not on its list ends them. */
static void write_own(FILE *out, const struct machine *m, const struct seccomp_own *own)
{
    static struct sock_filter prog[MAX_INSTRUCTIONS];
    size_t n;
    char name[MAX_NAME];
    const char *list = own->calls;
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx || seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0)
        errx(1, "libseccomp makes no filter");
    for (const char *s; (s = seccomp_next_call(&list, &n));) {
        int number = rule_number(m, m->native, copy_name(name, s, n));
        if (number != -1) /* this machine has another call for it, which is listed, too */
            add(ctx, name, SCMP_ACT_ALLOW, number, 0, NULL);
    }
    int number = rule_number(m, m->native, "ioctl");
    for (const uint32_t *r = own->requests; r && *r; r++)
        add(ctx, "ioctl", SCMP_ACT_ALLOW, number, 1,
            &SCMP_CMP(1, SCMP_CMP_MASKED_EQ, UINT32_MAX, *r));
    write_program(out, "own_filter", prog, export(ctx, prog));
}

static void write_name(FILE *out, unsigned features)
{
    fprintf(out, "default");
    for (size_t i = 0; i < seccomp_feature_count; i++) {
        if (features & 1u << i)
            fprintf(out, "+%s", seccomp_feature_names[i]);
    }
}

/* MOUNT without USERNS would be nothing: it implies it. */
static unsigned canonical(unsigned features)
{
    return features & SECCOMP_MOUNT ? features | SECCOMP_USERNS : features;
}

static void write_filters(FILE *out, const struct machine *m)
{
    static struct sock_filter prog[MAX_INSTRUCTIONS];
    int index[SECCOMP_FEATURE_COMBINATIONS], count = 0;

    for (unsigned f = 0; f < SECCOMP_FEATURE_COMBINATIONS; f++) {
        if (canonical(f) != f)
            continue;
        index[f] = count++;
        char name[MAX_NAME];
        snprintf(name, sizeof name, "program_%u", f);
        write_program(out, name, prog, compile(m, f, prog));
    }
    fprintf(out, "const struct seccomp_filter seccomp_filters[] = {\n");
    for (unsigned f = 0; f < SECCOMP_FEATURE_COMBINATIONS; f++) {
        if (canonical(f) != f)
            continue;
        fprintf(out, "{\"");
        write_name(out, f);
        fprintf(out, "\", (const uint8_t *)program_%u, sizeof program_%u},\n", f, f);
    }
    fprintf(out, "};\nconst size_t seccomp_filter_count = %d;\n", count);
    fprintf(out, "const uint8_t seccomp_filter_index[] = {");
    for (unsigned f = 0; f < SECCOMP_FEATURE_COMBINATIONS; f++)
        fprintf(out, "%d,", index[canonical(f)]);
    fprintf(out, "};\n");
}

static void write_number(FILE *out, uint32_t arch, int number, const char *name)
{
    fprintf(out, "{%#xu, %d, \"%s\"},\n", arch, number, name);
}

/* Every number that libseccomp or our own table has a name for. */
static void write_numbers(FILE *out, const struct machine *m)
{
    const uint32_t archs[] = {m->native, m->second};
    size_t count = 0;
    fprintf(out, "const struct seccomp_number seccomp_numbers[] = {\n");
    for (size_t a = 0; a < ARRAY_SIZE(archs); a++) {
        for (int nr = 0; nr < 1024; nr++) {
            char *name = seccomp_syscall_resolve_num_arch(archs[a], nr);
            if (name) {
                write_number(out, archs[a], nr, name);
                count++;
            }
            free(name);
        }
    }
    for (size_t i = 0; i < seccomp_new_call_count; i++) {
        const struct seccomp_new_call *c = &seccomp_new_calls[i];
        char *known = seccomp_syscall_resolve_num_arch(m->native, c->number);
        if (known && !str_eq(known, c->name))
            errx(1, "%s: libseccomp says that %d is %s", c->name, c->number, known);
        if (!known && new_call_number(m, c->name) == c->number) {
            write_number(out, m->native, c->number, c->name);
            count++;
        }
        free(known);
    }
    fprintf(out, "};\nconst size_t seccomp_number_count = %zu;\n", count);
}

static const struct seccomp_own *find_own(const char *room)
{
    for (size_t i = 0; i < seccomp_own_count; i++)
        if (str_eq(seccomp_own[i].room, room))
            return &seccomp_own[i];
    errx(1, "%s: no such filter", room);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4)
        errx(2, "usage: seccomp-gen MACHINE OUTPUT.c | seccomp-gen MACHINE OUTPUT.h ROOM");
    const struct machine *m = find_machine(argv[1]);
    FILE *out = fopen(argv[2], "we");
    if (!out)
        err(1, "%s", argv[2]);
    fprintf(out, "/* Made by seccomp-gen from groups.c; do not edit. */\n"
                 "#include <linux/filter.h>\n");
    if (argc == 4) {
        write_own(out, m, find_own(argv[3]));
    } else {
        fprintf(out, "#include \"seccomp/tables.h\"\n");
        write_filters(out, m);
        write_numbers(out, m);
    }
    if (ferror(out) || fclose(out))
        err(1, "%s", argv[2]);
    return 0;
}
