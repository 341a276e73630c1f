// A clock that is wrong: loaded into a server (LD_PRELOAD), it shifts the time of day, and no other, by CLOCK_AHEAD
// seconds.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        const char *ahead = getenv("CLOCK_AHEAD");
        if (ahead) now->tv_sec += atol(ahead);
    }
    return result;
}
