/*
 * A disk that forgets what was not synced: a shim below a process, loaded with LD_PRELOAD.
 *
 * Files directly in the folder POWERCUT_FOLDER are real for the process. The folder POWERCUT_DISK holds
 * what would be left after a power cut:
 *
 *     write, ftruncate ──> the real file, and a list of pending changes of that file
 *     fsync, fdatasync ──> the pending changes, in order, to the file in POWERCUT_DISK
 *     create, rename, unlink ──> both folders at once (names count as durable)
 *
 * A process killed with SIGKILL loses its lists, as a machine loses its cache. With POWERCUT_EARLY=n one
 * write in n also reaches the disk before its sync, in whole or only its first sectors, as real disks do.
 *
 * The first byte of the file POWERCUT_CONTROL injects faults: 'n' every write fails with ENOSPC; 'e' every
 * sync fails with EIO; 'o' one sync fails with EIO; 'd' one of the database file, not of its log. A failed sync drops the pending changes of the file,
 * as Linux does: the process still reads what the disk will never have. As on Linux since 4.13, each other
 * descriptor that had the file open is told once, by its next sync: else one thread's sync could take away
 * what another thread's sync then reports as done.
 *
 * Memory-mapped writes, writev, sendfile and the like are not seen. They would be missing on the disk, so a
 * program that uses them for its data fails the test instead of passing it unseen. SQLite maps only the
 * index of its log ("-shm"), which is rebuilt after a crash and left out here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define DESCRIPTORS 4096
#define NAME_BYTES 256
#define PATH_BYTES 4096
#define SECTOR_BYTES 512

#define REAL(result, name, ...)                                        \
    static result (*real)(__VA_ARGS__);                                \
    if (real == NULL) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

struct change {
    struct change *next;
    off_t offset; /* where the bytes go; the new length when is_truncation */
    size_t length;
    int is_truncation;
    char bytes[];
};

struct file {
    struct file *next;
    char name[NAME_BYTES]; /* empty when it has been unlinked */
    int disk;              /* the file in POWERCUT_DISK */
    uint64_t failures;     /* syncs of it that failed */
    struct change *first, **last;
};

/* Guards everything below. A sync holds it to its end, so no write overtakes one. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static struct file *open_files[DESCRIPTORS];
static uint64_t failures_told[DESCRIPTORS];
static const char *folder, *disk_folder;
static volatile char *control;
static uint64_t early_one_in, dice;

static int real_open(const char *path, int flags, mode_t mode) {
    REAL(int, "open", const char *, int, ...);
    return real(path, flags, mode);
}

static ssize_t real_pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return real(descriptor, bytes, length, offset);
}

static int real_ftruncate(int descriptor, off_t length) {
    REAL(int, "ftruncate", int, off_t);
    return real(descriptor, length);
}

static void fatal(const char *what) {
    perror(what);
    _exit(99);
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("POWERCUT_CONTROL"), *early = getenv("POWERCUT_EARLY");
    const char *seed = getenv("POWERCUT_SEED");
    folder = getenv("POWERCUT_FOLDER");
    disk_folder = getenv("POWERCUT_DISK");
    if (folder == NULL || disk_folder == NULL || path == NULL) fatal("powercut: variables are missing");
    early_one_in = early == NULL ? 0 : strtoull(early, NULL, 10);
    dice = (seed == NULL ? 0 : strtoull(seed, NULL, 10)) | 1;
    int descriptor = real_open(path, O_RDWR, 0);
    if (descriptor < 0) fatal("powercut: control file");
    void *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (page == MAP_FAILED) fatal("powercut: control file");
    control = page;
}

static uint64_t roll(void) {
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice;
}

/* The name inside the folder, or NULL for a path that is not ours. */
static const char *name_of(const char *path) {
    if (folder == NULL || path == NULL) return NULL;
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0 || path[length] != '/') return NULL;
    const char *name = path + length + 1;
    size_t name_length = strlen(name);
    if (name_length == 0 || name_length >= NAME_BYTES || strchr(name, '/') != NULL) return NULL;
    if (name_length > 4 && strcmp(name + name_length - 4, "-shm") == 0) return NULL;
    return name;
}

static void disk_path(char *path, const char *name) {
    if (snprintf(path, PATH_BYTES, "%s/%s", disk_folder, name) >= PATH_BYTES) fatal("powercut: long path");
}

static struct file *find(const char *name) {
    for (struct file *file = files; file != NULL; file = file->next)
        if (strcmp(file->name, name) == 0) return file;
    return NULL;
}

static struct file *of_descriptor(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS ? open_files[descriptor] : NULL;
}

static void remember(struct file *file, off_t offset, const void *bytes, size_t length, int is_truncation) {
    struct change *change = malloc(sizeof *change + length);
    if (change == NULL) fatal("powercut: memory");
    *change = (struct change){.offset = offset, .length = length, .is_truncation = is_truncation};
    if (length > 0) memcpy(change->bytes, bytes, length);
    *file->last = change;
    file->last = &change->next;
}

static void to_disk(struct file *file, const void *bytes, size_t length, off_t offset) {
    if (real_pwrite(file->disk, bytes, length, offset) != (ssize_t)length) fatal("powercut: disk");
}

static void forget_changes(struct file *file) {
    for (struct change *change = file->first, *next; change != NULL; change = next) {
        next = change->next;
        free(change);
    }
    file->first = NULL;
    file->last = &file->first;
}

static void track(int descriptor, const char *path, int flags) {
    const char *name = name_of(path);
    if (name == NULL || descriptor < 0) return;
    if (descriptor >= DESCRIPTORS) fatal("powercut: too many descriptors");
    struct file *file = find(name);
    if (file == NULL) {
        char on_disk[PATH_BYTES];
        disk_path(on_disk, name);
        file = calloc(1, sizeof *file);
        if (file == NULL) fatal("powercut: memory");
        strcpy(file->name, name);
        file->disk = real_open(on_disk, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (file->disk < 0) fatal("powercut: disk");
        file->last = &file->first;
        file->next = files;
        files = file;
    }
    if (flags & O_TRUNC) remember(file, 0, NULL, 0, 1);
    open_files[descriptor] = file;
    failures_told[descriptor] = file->failures;
}

static int open_tracked(int (*opened)(const char *, int, mode_t), const char *path, int flags, mode_t mode) {
    pthread_mutex_lock(&lock);
    int descriptor = opened(path, flags, mode), failure = errno;
    track(descriptor, path, flags);
    pthread_mutex_unlock(&lock);
    errno = failure;
    return descriptor;
}

static mode_t mode_of(int flags, va_list *arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(*arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, &arguments);
    va_end(arguments);
    return open_tracked(real_open, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, &arguments);
    va_end(arguments);
    return open_tracked(real_open, path, flags | O_LARGEFILE, mode);
}

static int open_at(int base, const char *path, int flags, mode_t mode) {
    REAL(int, "openat", int, const char *, int, ...);
    pthread_mutex_lock(&lock);
    int descriptor = real(base, path, flags, mode), failure = errno;
    track(descriptor, path, flags);
    pthread_mutex_unlock(&lock);
    errno = failure;
    return descriptor;
}

int openat(int base, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, &arguments);
    va_end(arguments);
    return open_at(base, path, flags, mode);
}

int openat64(int base, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, &arguments);
    va_end(arguments);
    return open_at(base, path, flags | O_LARGEFILE, mode);
}

int close(int descriptor) {
    REAL(int, "close", int);
    pthread_mutex_lock(&lock);
    if (of_descriptor(descriptor) != NULL) open_files[descriptor] = NULL;
    int result = real(descriptor), failure = errno;
    pthread_mutex_unlock(&lock);
    errno = failure;
    return result;
}

/* After a write of the process: pending, and perhaps on the disk early. */
static void written(struct file *file, const void *bytes, size_t length, off_t offset) {
    remember(file, offset, bytes, length, 0);
    if (early_one_in == 0 || roll() % early_one_in != 0) return;
    size_t sectors = length / SECTOR_BYTES;
    size_t kept = sectors > 1 && roll() % 2 == 0 ? (1 + roll() % sectors) * SECTOR_BYTES : length;
    to_disk(file, bytes, kept, offset);
}

static int is_full(const struct file *file) {
    return file != NULL && control != NULL && *control == 'n';
}

static ssize_t write_at(int descriptor, const void *bytes, size_t length, off_t offset) {
    ssize_t result = -1;
    int failure = ENOSPC;
    pthread_mutex_lock(&lock);
    struct file *file = of_descriptor(descriptor);
    if (!is_full(file)) {
        result = real_pwrite(descriptor, bytes, length, offset);
        failure = errno;
        if (file != NULL && result > 0) written(file, bytes, (size_t)result, offset);
    }
    pthread_mutex_unlock(&lock);
    errno = failure;
    return result;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    return write_at(descriptor, bytes, length, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
    return write_at(descriptor, bytes, length, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    /* A pipe may block, so what is not ours must not hold the lock. */
    if (of_descriptor(descriptor) == NULL) return real(descriptor, bytes, length);
    ssize_t result = -1;
    int failure = ENOSPC;
    pthread_mutex_lock(&lock);
    struct file *file = of_descriptor(descriptor);
    if (!is_full(file)) {
        result = real(descriptor, bytes, length);
        failure = errno;
        if (file != NULL && result > 0)
            written(file, bytes, (size_t)result, lseek(descriptor, 0, SEEK_CUR) - (off_t)result);
    }
    pthread_mutex_unlock(&lock);
    errno = failure;
    return result;
}

static int truncate_to(int descriptor, off_t length) {
    pthread_mutex_lock(&lock);
    struct file *file = of_descriptor(descriptor);
    int result = real_ftruncate(descriptor, length), failure = errno;
    if (file != NULL && result == 0) remember(file, length, NULL, 0, 1);
    pthread_mutex_unlock(&lock);
    errno = failure;
    return result;
}

int ftruncate(int descriptor, off_t length) {
    return truncate_to(descriptor, length);
}

int ftruncate64(int descriptor, off64_t length) {
    return truncate_to(descriptor, length);
}

static int is_database(const struct file *file) {
    size_t length = strlen(file->name);
    return length > 3 && strcmp(file->name + length - 3, ".db") == 0;
}

static int sync_tracked(struct file *file, int descriptor) {
    char fault = control == NULL ? 0 : *control;
    if (fault == 'd' && is_database(file)) fault = 'o';
    if (fault == 'e' || fault == 'o') {
        if (fault == 'o') *control = '0';
        forget_changes(file);
        file->failures++;
    }
    for (struct change *change = file->first; change != NULL; change = change->next) {
        if (!change->is_truncation) to_disk(file, change->bytes, change->length, change->offset);
        else if (real_ftruncate(file->disk, change->offset) != 0) fatal("powercut: disk");
    }
    forget_changes(file);
    if (failures_told[descriptor] == file->failures) return 0;
    failures_told[descriptor] = file->failures;
    errno = EIO;
    return -1;
}

int fsync(int descriptor) {
    REAL(int, "fsync", int);
    pthread_mutex_lock(&lock);
    struct file *file = of_descriptor(descriptor);
    int result = file == NULL ? real(descriptor) : sync_tracked(file, descriptor), failure = errno;
    pthread_mutex_unlock(&lock);
    errno = failure;
    return result;
}

int fdatasync(int descriptor) {
    return fsync(descriptor);
}

/* What was under the name lives on for those who have it open, without a place on the disk. */
static void unlink_on_disk(const char *name) {
    REAL(int, "unlink", const char *);
    char on_disk[PATH_BYTES];
    disk_path(on_disk, name);
    real(on_disk);
    struct file *file = find(name);
    if (file != NULL) file->name[0] = 0;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    pthread_mutex_lock(&lock);
    const char *name = name_of(path);
    int result = real(path), failure = errno;
    if (name != NULL && result == 0) unlink_on_disk(name);
    pthread_mutex_unlock(&lock);
    errno = failure;
    return result;
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    pthread_mutex_lock(&lock);
    const char *old_name = name_of(from), *new_name = name_of(to);
    int result = real(from, to), failure = errno;
    if (old_name != NULL && new_name != NULL && result == 0) {
        char old_path[PATH_BYTES], new_path[PATH_BYTES];
        unlink_on_disk(new_name);
        disk_path(old_path, old_name);
        disk_path(new_path, new_name);
        real(old_path, new_path);
        struct file *file = find(old_name);
        if (file != NULL) strcpy(file->name, new_name);
    }
    pthread_mutex_unlock(&lock);
    errno = failure;
    return result;
}
