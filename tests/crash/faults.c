/*
 * A disk that goes wrong, for a process that this is preloaded into (LD_PRELOAD): of the calls that
 * write or sync a file whose path begins with FAULTS_BELOW, the one numbered FAULTS_AT fails, as
 * FAULTS_KIND says:
 *
 *   none    no fault: the calls are counted, that is all
 *   torn    a write: only a part of it is done, and the process ends at once
 *   full    a write: a part of it is done, and from then on there is no space left
 *   sync    a sync: it fails, and what was written since the last sync is lost
 *   syncs   as `sync`, and each later sync fails, too
 *   cut     either: the power is cut. What was not synced is lost or kept, write by write, as
 *           chance has it, and the process ends at once
 *
 * A sync that fails loses what it was for: the kernel forgets that the pages are to be written, and
 * the next sync succeeds without them. So what a file had before is remembered from each write to
 * the next sync.
 *
 * FAULTS_TALLY is a file of three 64-bit numbers that the test reads: writes and syncs so far, and
 * whether the fault came about. FAULTS_SEED is where chance begins. SQLite's shared memory (`-shm`)
 * is no matter of the disk's and left alone. A file's truncation and its name are taken as kept at
 * once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 1024 };

struct tally {
    volatile uint64_t writes, syncs, fired;
};

/* A write that is not synced, and what the file had there. */
struct unsynced {
    struct unsynced *earlier;
    off_t at;
    size_t length;
    unsigned char before[];
};

/* A file that was written. The descriptor is its own and never closed: that would end the locks that
 * the process has on the file. */
struct file {
    dev_t device;
    ino_t inode;
    int descriptor;
    struct unsynced *last;
};

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static const char *below, *kind;
static uint64_t fault_at, chance;
static struct tally *tally;
static struct file files[FILES_MAX];
static size_t files_count;

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

__attribute__((constructor)) static void begin(void)
{
    real_write = real("write");
    real_pwrite = real("pwrite");
    real_fsync = real("fsync");
    real_fdatasync = real("fdatasync");
    real_ftruncate = real("ftruncate");
    const char *at = getenv("FAULTS_AT"), *seed = getenv("FAULTS_SEED");
    const char *tally_path = getenv("FAULTS_TALLY");
    kind = getenv("FAULTS_KIND");
    if (kind == NULL || tally_path == NULL)
        return;
    fault_at = at == NULL ? 0 : strtoull(at, NULL, 10);
    chance = seed == NULL ? 0 : strtoull(seed, NULL, 10);
    int descriptor = open(tally_path, O_RDWR | O_CLOEXEC);
    void *shared = MAP_FAILED;
    if (descriptor >= 0)
        shared = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (shared == MAP_FAILED)
        abort();
    tally = shared;
    below = getenv("FAULTS_BELOW");
}

/* SplitMix64. */
static uint64_t drawn(void)
{
    uint64_t z = (chance += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static int is(const char *name)
{
    return strcmp(kind, name) == 0;
}

static int is_ours(int descriptor)
{
    if (below == NULL)
        return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    const char *end = strrchr(path, '-');
    struct stat status;
    return strncmp(path, below, strlen(below)) == 0 && (end == NULL || strcmp(end, "-shm") != 0)
        && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* What is known of a file; none when too many were written. */
static struct file *file_of(int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return NULL;
    for (size_t i = 0; i < files_count; i++)
        if (files[i].device == status.st_dev && files[i].inode == status.st_ino)
            return &files[i];
    int own = files_count < FILES_MAX ? fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : -1;
    if (own < 0)
        return NULL;
    files[files_count] = (struct file){ status.st_dev, status.st_ino, own, NULL };
    return &files[files_count++];
}

static void remember(int descriptor, off_t at, size_t length)
{
    struct file *file = file_of(descriptor);
    /* What lies behind the file's end, or cannot be read, was zeros. */
    struct unsynced *it = file == NULL ? NULL : calloc(1, sizeof *it + length);
    if (it == NULL)
        return;
    it->at = at;
    it->length = length;
    (void)!pread(descriptor, it->before, length, at);
    it->earlier = file->last;
    file->last = it;
}

static void forget(struct file *file)
{
    while (file->last != NULL) {
        struct unsynced *it = file->last;
        file->last = it->earlier;
        free(it);
    }
}

/* Takes back what was not synced, the last first: all of it, or what chance picks. */
static void lose(struct file *file, int all)
{
    for (struct unsynced *it = file->last; it != NULL; it = it->earlier) {
        uint64_t luck = all ? 0 : drawn() % 4;
        if (luck == 3)
            continue; /* It reached the disk. */
        size_t kept = luck == 2 ? drawn() % (it->length + 1) : 0;
        (void)!real_pwrite(file->descriptor, it->before + kept, it->length - kept, it->at + kept);
    }
    forget(file);
}

static void cut_power(void)
{
    tally->fired = 1;
    for (size_t i = 0; i < files_count; i++)
        lose(&files[i], 0);
    die();
}

/* A write of `length` bytes. Answers how many of them may be written; none, but for a write of
 * nothing, when there is no space for any. */
static size_t room(size_t length)
{
    uint64_t number = ++tally->writes;
    if (is("cut") && number + tally->syncs == fault_at)
        cut_power();
    if ((is("torn") || is("full")) && number >= fault_at) {
        size_t part = tally->fired ? 0 : drawn() % (length + 1);
        tally->fired = 1;
        return part;
    }
    return length;
}

static ssize_t put(int descriptor, const void *buffer, size_t length, off_t at)
{
    pthread_mutex_lock(&one_at_a_time);
    size_t part = room(length);
    ssize_t done = -1;
    if (part == 0 && length > 0 && is("full")) {
        errno = ENOSPC;
    } else {
        remember(descriptor, at < 0 ? lseek(descriptor, 0, SEEK_CUR) : at, part);
        done = at < 0 ? real_write(descriptor, buffer, part)
                      : real_pwrite(descriptor, buffer, part, at);
    }
    if (is("torn") && tally->fired)
        die();
    int error = errno;
    pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return done;
}

static int synced(int descriptor, int (*sync)(int))
{
    pthread_mutex_lock(&one_at_a_time);
    uint64_t number = ++tally->syncs;
    struct file *file = file_of(descriptor);
    int result;
    if (is("cut") && number + tally->writes == fault_at)
        cut_power();
    if ((is("sync") && number == fault_at) || (is("syncs") && number >= fault_at)) {
        tally->fired = 1;
        if (file != NULL)
            lose(file, 1);
        errno = EIO;
        result = -1;
    } else {
        result = sync(descriptor);
        if (result == 0 && file != NULL)
            forget(file);
    }
    int error = errno;
    pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return result;
}

static int cut_short(int descriptor, off_t length)
{
    pthread_mutex_lock(&one_at_a_time);
    /* To give space back is possible on a full disk, too; whoever dies here has not done it. */
    room(0);
    if (is("torn") && tally->fired)
        die();
    int result = real_ftruncate(descriptor, length);
    int error = errno;
    pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return result;
}

ssize_t write(int descriptor, const void *buffer, size_t length)
{
    return is_ours(descriptor) ? put(descriptor, buffer, length, -1)
                               : real_write(descriptor, buffer, length);
}

ssize_t pwrite(int descriptor, const void *buffer, size_t length, off_t at)
{
    return is_ours(descriptor) ? put(descriptor, buffer, length, at)
                               : real_pwrite(descriptor, buffer, length, at);
}

ssize_t pwrite64(int descriptor, const void *buffer, size_t length, off64_t at)
{
    return pwrite(descriptor, buffer, length, at);
}

int fsync(int descriptor)
{
    return is_ours(descriptor) ? synced(descriptor, real_fsync) : real_fsync(descriptor);
}

int fdatasync(int descriptor)
{
    return is_ours(descriptor) ? synced(descriptor, real_fdatasync) : real_fdatasync(descriptor);
}

int ftruncate(int descriptor, off_t length)
{
    return is_ours(descriptor) ? cut_short(descriptor, length) : real_ftruncate(descriptor, length);
}

int ftruncate64(int descriptor, off64_t length)
{
    return ftruncate(descriptor, length);
}
