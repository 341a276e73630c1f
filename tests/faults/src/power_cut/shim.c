// A disk that forgets: loaded into a server (LD_PRELOAD), it keeps beside the server's folder an image of what a power
// cut would leave of it. Nothing is in the image but what was synced:
//
// - the content of a file, as of its last fsync or fdatasync;
// - the entries of a folder, as of the folder's own last fsync. A file that was created, renamed or removed since then is
//   found under its old name, or not at all, however often it was synced itself.
//
// This is what POSIX promises and no more; many file systems keep more than that. What reaches the disk by ways that this
// file does not watch (raw system calls, mapped memory) is not in the image: a mistake here shows as a loss, never as a
// pass.
//
// POWERCUT_ROOT    the folder that is watched
// POWERCUT_IMAGE   where the image goes: files/ID, folders/ID with a line `f|d ID INODE NAME` for each entry; the root is 0
// POWERCUT_PLANT   `nosync`: syncs are answered and not done, as on a disk that lies or with a store that does not ask

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, FDS = 65536, BUCKETS = 4096 };

// A file or folder below the root, known by its inode for as long as that lives.
struct node {
  struct node *next;
  ino_t inode;
  unsigned id;
  uint64_t *dirty;  // one bit for each page written since the last sync
  size_t words;
  off_t low;        // the smallest size since the last sync
  bool all;         // nothing is known: all of it is dirty
};

static char root[PATH_MAX], image[PATH_MAX];
static bool active, planted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct node *buckets[BUCKETS];
static unsigned last_id;

// What a descriptor is: unknown, not ours, or a node.
static struct node *const NOT_OURS = (struct node *)1;
static struct node *descriptors[FDS];

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

static void fail(const char *what) {
  fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
  abort();
}

static struct node *node_of(ino_t inode) {
  for (struct node *node = buckets[inode % BUCKETS]; node; node = node->next)
    if (node->inode == inode) return node;
  struct node *node = calloc(1, sizeof *node);
  if (!node) fail("calloc");
  *node = (struct node){.next = buckets[inode % BUCKETS], .inode = inode, .id = ++last_id, .all = true};
  return buckets[inode % BUCKETS] = node;
}

// An inode that was just created is not the one that had its number before, which the image may still need.
static void created(ino_t inode) {
  struct node *node = node_of(inode);
  free(node->dirty);
  *node = (struct node){.next = node->next, .inode = inode, .id = ++last_id, .all = true};
}

static bool below_root(const char *path) {
  size_t length = strlen(root);
  return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static bool path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return false;
  path[length] = 0;
  return true;
}

// The node of a descriptor, if it is a file or folder below the root. Call with the lock held.
static struct node *node_at(int fd) {
  if (!active || fd < 0 || fd >= FDS) return NULL;
  if (!descriptors[fd]) {
    struct stat status;
    char path[PATH_MAX];
    bool ours = fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) &&
                path_of(fd, path) && below_root(path);
    descriptors[fd] = ours ? node_of(status.st_ino) : NOT_OURS;
  }
  return descriptors[fd] == NOT_OURS ? NULL : descriptors[fd];
}

static void forget(int fd) {
  if (!active || fd < 0 || fd >= FDS) return;
  pthread_mutex_lock(&lock);
  descriptors[fd] = NULL;
  pthread_mutex_unlock(&lock);
}

static void mark(struct node *node, off_t from, off_t to) {
  for (size_t page = from / PAGE; to > from && page <= (size_t)(to - 1) / PAGE; page++) {
    if (page / 64 >= node->words) {
      size_t words = (page / 64 + 1) * 2;
      node->dirty = realloc(node->dirty, words * sizeof *node->dirty);
      if (!node->dirty) fail("realloc");
      memset(node->dirty + node->words, 0, (words - node->words) * sizeof *node->dirty);
      node->words = words;
    }
    node->dirty[page / 64] |= (uint64_t)1 << page % 64;
  }
}

// Notes that `count` bytes were written, at `offset` or, if that is negative, just before the descriptor's position.
//
// After the write, not before: a sync in between would clear the mark and not see the bytes.
static void wrote(int fd, off_t offset, ssize_t count) {
  if (!active || count <= 0) return;
  int saved = errno;
  pthread_mutex_lock(&lock);
  struct node *node = node_at(fd);
  if (node) {
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - count;
    mark(node, offset, offset + count);
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
}

static void resized(int fd, off_t size) {
  int saved = errno;
  pthread_mutex_lock(&lock);
  struct node *node = node_at(fd);
  if (node && size < node->low) node->low = size;
  pthread_mutex_unlock(&lock);
  errno = saved;
}

static void in_image(char *path, const char *kind, unsigned id) {
  if (snprintf(path, PATH_MAX, "%s/%s/%u", image, kind, id) >= PATH_MAX) abort();
}

static void copy_page(int from, int to, off_t at) {
  char page[PAGE];
  ssize_t got = pread(from, page, PAGE, at);
  if (got < 0 || REAL(pwrite)(to, page, got, at) != got) fail("copy a page");
}

static void keep_content(int fd, struct node *node, off_t size) {
  char path[PATH_MAX], link[64];
  in_image(path, "files", node->id);
  // The descriptor itself may be for writing only.
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int from = REAL(open)(link, O_RDONLY | O_CLOEXEC);
  int to = REAL(open)(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (from < 0 || to < 0) fail(path);
  if (node->all) node->low = 0;
  struct stat kept;
  if (fstat(to, &kept) || (node->low < kept.st_size && REAL(ftruncate)(to, node->low))) fail(path);
  if (REAL(ftruncate)(to, size)) fail(path);
  for (off_t at = 0; at < size; at += PAGE) {
    size_t page = at / PAGE;
    bool dirty = node->all || (page / 64 < node->words && node->dirty[page / 64] >> page % 64 & 1);
    if (dirty) copy_page(from, to, at);
  }
  REAL(close)(from);
  REAL(close)(to);
  if (node->words) memset(node->dirty, 0, node->words * sizeof *node->dirty);
  node->low = size;
  node->all = false;
}

static void keep_entries(const char *folder, unsigned id) {
  char path[PATH_MAX], draft[PATH_MAX + 8];
  in_image(path, "folders", id);
  snprintf(draft, sizeof draft, "%s.draft", path);
  DIR *entries = opendir(folder);
  FILE *file = fopen(draft, "w");
  if (!entries || !file) fail(folder);
  for (struct dirent *entry; (entry = readdir(entries));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (entry->d_type != DT_REG && entry->d_type != DT_DIR) continue;
    unsigned long inode = entry->d_ino;
    fprintf(file, "%c %u %lu %s\n", entry->d_type == DT_DIR ? 'd' : 'f', node_of(inode)->id, inode, entry->d_name);
  }
  if (fclose(file) || rename(draft, path)) fail(path);
  closedir(entries);
}

static int sync_now(int fd, int (*real_sync)(int)) {
  if (!active) return real_sync(fd);
  pthread_mutex_lock(&lock);
  struct node *node = node_at(fd);
  struct stat status;
  char path[PATH_MAX];
  if (node && !planted && fstat(fd, &status) == 0) {
    if (S_ISREG(status.st_mode)) keep_content(fd, node, status.st_size);
    else if (path_of(fd, path)) keep_entries(path, node->id);
  }
  pthread_mutex_unlock(&lock);
  return node ? 0 : real_sync(fd);
}

// What is there at the start has survived.
static void keep_tree(const char *folder, unsigned id) {
  DIR *entries = opendir(folder);
  if (!entries) fail(folder);
  for (struct dirent *entry; (entry = readdir(entries));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= PATH_MAX) abort();
    struct node *node = node_of(entry->d_ino);
    if (entry->d_type == DT_DIR) {
      keep_tree(path, node->id);
    } else if (entry->d_type == DT_REG) {
      int fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
      struct stat status;
      if (fd < 0 || fstat(fd, &status)) fail(path);
      keep_content(fd, node, status.st_size);
      REAL(close)(fd);
    }
  }
  closedir(entries);
  keep_entries(folder, id);
}

__attribute__((constructor)) static void begin(void) {
  const char *folder = getenv("POWERCUT_ROOT"), *plant = getenv("POWERCUT_PLANT");
  const char *into = getenv("POWERCUT_IMAGE");
  // Programs that the server starts write nothing below the root, and must not begin a second image.
  unsetenv("LD_PRELOAD");
  if (!folder || !into || !realpath(folder, root) || !realpath(into, image)) fail("POWERCUT_ROOT or POWERCUT_IMAGE");
  planted = plant && strcmp(plant, "nosync") == 0;
  struct stat status;
  char path[PATH_MAX + 16];
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", image, i ? "files" : "folders");
    if (REAL(mkdir)(path, 0755)) fail(path);
  }
  if (stat(root, &status)) fail(root);
  node_of(status.st_ino)->id = 0;
  keep_tree(root, 0);
  active = true;
}

// Opening, where files come into being.

static int opened(int fd, bool is_new, int flags) {
  if (fd < 0 || !active) return fd;
  int saved = errno;
  forget(fd);
  pthread_mutex_lock(&lock);
  struct stat status;
  if (node_at(fd) && is_new && fstat(fd, &status) == 0) {
    created(status.st_ino);
    // A node is replaced in place, so what the descriptor points to is the new one.
  }
  pthread_mutex_unlock(&lock);
  if (flags & O_TRUNC) resized(fd, 0);
  errno = saved;
  return fd;
}

static bool absent(int folder, const char *path) {
  struct stat status;
  int saved = errno;
  bool is_absent = fstatat(folder, path, &status, 0) != 0;
  errno = saved;
  return is_absent;
}

#define MODE(flags, last)               \
  mode_t mode = 0;                      \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list rest;                       \
    va_start(rest, last);               \
    mode = va_arg(rest, mode_t);        \
    va_end(rest);                       \
  }

int open(const char *path, int flags, ...) {
  MODE(flags, flags)
  bool is_new = flags & O_CREAT && absent(AT_FDCWD, path);
  return opened(REAL(open)(path, flags, mode), is_new, flags);
}
int open64(const char *path, int flags, ...) {
  MODE(flags, flags)
  bool is_new = flags & O_CREAT && absent(AT_FDCWD, path);
  return opened(REAL(open64)(path, flags, mode), is_new, flags);
}
int openat(int folder, const char *path, int flags, ...) {
  MODE(flags, flags)
  bool is_new = flags & O_CREAT && absent(folder, path);
  return opened(REAL(openat)(folder, path, flags, mode), is_new, flags);
}
int openat64(int folder, const char *path, int flags, ...) {
  MODE(flags, flags)
  bool is_new = flags & O_CREAT && absent(folder, path);
  return opened(REAL(openat64)(folder, path, flags, mode), is_new, flags);
}
int creat(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static int folder_created(int result, int folder, const char *path) {
  struct stat status;
  if (result == 0 && active && fstatat(folder, path, &status, 0) == 0) {
    pthread_mutex_lock(&lock);
    created(status.st_ino);
    pthread_mutex_unlock(&lock);
  }
  return result;
}
int mkdir(const char *path, mode_t mode) { return folder_created(REAL(mkdir)(path, mode), AT_FDCWD, path); }
int mkdirat(int folder, const char *path, mode_t mode) {
  return folder_created(REAL(mkdirat)(folder, path, mode), folder, path);
}

// Descriptors that come to stand for something else.

int close(int fd) {
  forget(fd);
  return REAL(close)(fd);
}
int dup2(int fd, int other) {
  forget(other);
  return REAL(dup2)(fd, other);
}
int dup3(int fd, int other, int flags) {
  forget(other);
  return REAL(dup3)(fd, other, flags);
}

// Writing.

#define WRITES(offset, call)       \
  ssize_t count = (ssize_t)(call); \
  wrote(fd, offset, count);        \
  return count;

ssize_t write(int fd, const void *bytes, size_t size) { WRITES(-1, REAL(write)(fd, bytes, size)) }
ssize_t writev(int fd, const struct iovec *parts, int n) { WRITES(-1, REAL(writev)(fd, parts, n)) }
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { WRITES(at, REAL(pwrite)(fd, bytes, size, at)) }
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) { WRITES(at, REAL(pwrite64)(fd, bytes, size, at)) }
ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) { WRITES(at, REAL(pwritev)(fd, parts, n, at)) }
ssize_t pwritev64(int fd, const struct iovec *parts, int n, off64_t at) {
  WRITES(at, REAL(pwritev64)(fd, parts, n, at))
}
ssize_t copy_file_range(int from, off64_t *from_at, int fd, off64_t *at, size_t size, unsigned flags) {
  off_t offset = at ? *at : -1;
  WRITES(offset, REAL(copy_file_range)(from, from_at, fd, at, size, flags))
}
ssize_t sendfile(int fd, int from, off_t *from_at, size_t size) { WRITES(-1, REAL(sendfile)(fd, from, from_at, size)) }
ssize_t sendfile64(int fd, int from, off64_t *from_at, size_t size) {
  WRITES(-1, REAL(sendfile64)(fd, from, from_at, size))
}

int ftruncate(int fd, off_t size) {
  int result = REAL(ftruncate)(fd, size);
  if (result == 0 && active) resized(fd, size);
  return result;
}
int ftruncate64(int fd, off64_t size) {
  int result = REAL(ftruncate64)(fd, size);
  if (result == 0 && active) resized(fd, size);
  return result;
}

// Syncing.

int fsync(int fd) { return sync_now(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_now(fd, REAL(fdatasync)); }
