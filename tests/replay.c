/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds every file of the folders given as arguments to a fuzz driver; one TAP point a file. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int points;

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    size_t cap = 1u << 20, n = 0;
    uint8_t *data = malloc(cap);
    if (data)
        n = fread(data, 1, cap, f);
    fclose(f);
    /* An exact copy, so that a sanitizer sees a read behind the end. */
    uint8_t *exact = malloc(n ? n : 1);
    if (!data || !exact)
        exit(1);
    memcpy(exact, data, n);
    free(data);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    printf("ok %d - %s\n", ++points, path);
    fflush(stdout);
}

static int not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct dirent **v;
        int n = scandir(argv[i], &v, not_hidden, alphasort);
        if (n < 0) {
            perror(argv[i]);
            return 1;
        }
        for (int k = 0; k < n; k++) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], v[k]->d_name);
            replay_file(path);
            free(v[k]);
        }
        free(v);
    }
    printf("1..%d\n", points);
    return points == 0;
}
