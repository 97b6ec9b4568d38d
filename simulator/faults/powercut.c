/* Records what a process does to the files below one folder, so that a power cut can be played on a copy of it.
 *
 * Loaded with LD_PRELOAD; does nothing before powercut_record(folder, log). Each record is one line of text,
 * "<op> <offset> <bytes> <path length> <path>\n", followed by the bytes that were written:
 * C create, W write, T truncate, S sync, R rename (the bytes are the new path), U unlink, M make folder.
 * A call and its record are one step for all threads, so the order of the records is that of the calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char prefix[PATH_MAX];
static size_t prefix_length;
static int record = -1;
static pthread_mutex_t step = PTHREAD_MUTEX_INITIALIZER;

static void put(const void *bytes, size_t count) {
    const char *at = bytes;
    while (count > 0) {
        ssize_t done = syscall(SYS_write, record, at, count);
        if (done < 0) {
            if (errno == EINTR) continue;
            abort(); /* a record with holes would tell lies */
        }
        at += done;
        count -= (size_t)done;
    }
}

static int is_ours(const char *path) { return strncmp(path, prefix, prefix_length) == 0 && path[prefix_length] == '/'; }

static void tell(char op, const char *path, long long offset, const void *bytes, size_t count) {
    char head[PATH_MAX + 80];
    const char *name = path + prefix_length + 1;
    int length = snprintf(head, sizeof head, "%c %lld %zu %zu %s\n", op, offset, count, strlen(name), name);
    put(head, (size_t)length);
    put(bytes, count);
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_ours(path);
}

static void absolute(int folder, const char *path, char *whole) {
    char base[PATH_MAX] = "";
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
        return;
    }
    if (folder == AT_FDCWD) {
        if (getcwd(base, sizeof base) == NULL) base[0] = 0;
    } else {
        path_of(folder, base);
    }
    if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) abort();
}

void powercut_record(const char *folder, const char *log) {
    pthread_mutex_lock(&step);
    snprintf(prefix, sizeof prefix, "%s", folder);
    prefix_length = strlen(prefix);
    record = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pthread_mutex_unlock(&step);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    char path[PATH_MAX];
    if (record < 0) return syscall(SYS_write, descriptor, bytes, count);
    pthread_mutex_lock(&step);
    int ours = path_of(descriptor, path);
    ssize_t done = syscall(SYS_write, descriptor, bytes, count);
    int error = errno;
    if (ours && done > 0) tell('W', path, lseek(descriptor, 0, SEEK_CUR) - done, bytes, (size_t)done);
    pthread_mutex_unlock(&step);
    errno = error;
    return done;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    char path[PATH_MAX];
    if (record < 0) return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
    pthread_mutex_lock(&step);
    int ours = path_of(descriptor, path);
    ssize_t done = syscall(SYS_pwrite64, descriptor, bytes, count, offset);
    int error = errno;
    if (ours && done > 0) tell('W', path, offset, bytes, (size_t)done);
    pthread_mutex_unlock(&step);
    errno = error;
    return done;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return pwrite64(descriptor, bytes, count, offset);
}

static int truncated(int descriptor, off64_t size) {
    char path[PATH_MAX];
    if (record < 0) return (int)syscall(SYS_ftruncate, descriptor, size);
    pthread_mutex_lock(&step);
    int ours = path_of(descriptor, path);
    int result = (int)syscall(SYS_ftruncate, descriptor, size);
    int error = errno;
    if (ours && result == 0) tell('T', path, size, "", 0);
    pthread_mutex_unlock(&step);
    errno = error;
    return result;
}

int ftruncate64(int descriptor, off64_t size) { return truncated(descriptor, size); }
int ftruncate(int descriptor, off_t size) { return truncated(descriptor, size); }

static int synced(int descriptor, long call) {
    char path[PATH_MAX];
    if (record < 0) return (int)syscall(call, descriptor);
    pthread_mutex_lock(&step);
    int ours = path_of(descriptor, path);
    int result = (int)syscall(call, descriptor);
    int error = errno;
    if (ours && result == 0) tell('S', path, 0, "", 0);
    pthread_mutex_unlock(&step);
    errno = error;
    return result;
}

int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }

static int opened(int folder, const char *path, int flags, mode_t mode) {
    char whole[PATH_MAX];
    struct stat before;
    if (record < 0 || !(flags & (O_CREAT | O_TRUNC))) return (int)syscall(SYS_openat, folder, path, flags, mode);
    absolute(folder, path, whole);
    pthread_mutex_lock(&step);
    int existed = stat(whole, &before) == 0;
    int result = (int)syscall(SYS_openat, folder, path, flags, mode);
    int error = errno;
    if (result >= 0 && is_ours(whole)) {
        if (!existed) tell('C', whole, 0, "", 0);
        else if (flags & O_TRUNC) tell('T', whole, 0, "", 0);
    }
    pthread_mutex_unlock(&step);
    errno = error;
    return result;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }

int rename(const char *old, const char *new) {
    if (record < 0) return (int)syscall(SYS_rename, old, new);
    char from[PATH_MAX], to[PATH_MAX];
    absolute(AT_FDCWD, old, from);
    absolute(AT_FDCWD, new, to);
    pthread_mutex_lock(&step);
    int result = (int)syscall(SYS_rename, old, new);
    int error = errno;
    if (result == 0 && is_ours(from) && is_ours(to))
        tell('R', from, 0, to + prefix_length + 1, strlen(to) - prefix_length - 1);
    pthread_mutex_unlock(&step);
    errno = error;
    return result;
}

int unlink(const char *path) {
    if (record < 0) return (int)syscall(SYS_unlink, path);
    char whole[PATH_MAX];
    absolute(AT_FDCWD, path, whole);
    pthread_mutex_lock(&step);
    int result = (int)syscall(SYS_unlink, path);
    int error = errno;
    if (result == 0 && is_ours(whole)) tell('U', whole, 0, "", 0);
    pthread_mutex_unlock(&step);
    errno = error;
    return result;
}

int mkdir(const char *path, mode_t mode) {
    if (record < 0) return (int)syscall(SYS_mkdir, path, mode);
    char whole[PATH_MAX];
    absolute(AT_FDCWD, path, whole);
    pthread_mutex_lock(&step);
    int result = (int)syscall(SYS_mkdir, path, mode);
    int error = errno;
    if (result == 0 && is_ours(whole)) tell('M', whole, 0, "", 0);
    pthread_mutex_unlock(&step);
    errno = error;
    return result;
}
