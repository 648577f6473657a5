/* build-env OUT PART... -- PATH...
 *
 * Fills OUT with links to the files below each PART ("/bin", "/") of each PATH. Folders become
 * folders. Two different files of one name are an error: which one would win must not be chance. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "build-env: %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static void make_folders(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        if (mkdir(path, 0777) && errno != EEXIST) fail("cannot make", path);
        *slash = '/';
    }
    if (mkdir(path, 0777) && errno != EEXIST) fail("cannot make", path);
}

static void link_file(const char *from, const char *to)
{
    char present[4096];
    ssize_t length;

    if (!symlink(from, to)) return;
    if (errno != EEXIST) fail("cannot make", to);
    length = readlink(to, present, sizeof present - 1);
    if (length < 0) fail("cannot read", to);
    present[length] = 0;
    if (strcmp(present, from)) {
        fprintf(stderr, "build-env: collision between %s and %s\n", present, from);
        exit(1);
    }
}

static void link_tree(const char *from, const char *to)
{
    DIR *folder = opendir(from);
    struct dirent *entry;
    char folder_name[4096];

    if (!folder) {
        if (errno == ENOENT) return;
        fail("cannot read", from);
    }
    snprintf(folder_name, sizeof folder_name, "%s", to);
    make_folders(folder_name);
    while ((entry = readdir(folder))) {
        char source[4096], target[4096];
        struct stat status;

        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (!strcmp(entry->d_name, "nix-support")) continue;
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        if (stat(source, &status)) fail("cannot read", source);
        if (S_ISDIR(status.st_mode)) link_tree(source, target);
        else link_file(source, target);
    }
    closedir(folder);
}

int main(int count, char **words)
{
    int separator = 2;

    while (separator < count && strcmp(words[separator], "--")) separator++;
    if (separator >= count) {
        fprintf(stderr, "usage: build-env OUT PART... -- PATH...\n");
        return 2;
    }
    make_folders(words[1]);
    for (int path = separator + 1; path < count; path++) {
        for (int part = 2; part < separator; part++) {
            char from[4096], to[4096];
            const char *below = strcmp(words[part], "/") ? words[part] : "";

            snprintf(from, sizeof from, "%s%s", words[path], below);
            snprintf(to, sizeof to, "%s%s", words[1], below);
            link_tree(from, to);
        }
    }
    return 0;
}
