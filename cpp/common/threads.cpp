#include "common/threads.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc 2.34 moved threads into libc and gave the function a new version. The first one is in both, so that the library
// loads on older systems too; there the process that loads it, Python, has libpthread.
#if defined(__x86_64__) && defined(__GLIBC__)
__asm__(".symver pthread_create, pthread_create@GLIBC_2.2.5");
#elif defined(__aarch64__) && defined(__GLIBC__)
__asm__(".symver pthread_create, pthread_create@GLIBC_2.17");
#endif

namespace {

constexpr int kMost = 64;
constexpr int kSpins = 2000;  // about 20 µs: the next call of a model comes sooner, and waking takes longer

struct Job {
    void (*work)(const void*, int64_t);
    const void* context;
    int64_t count;
};

Job job;
int64_t next_item;
int round_number;   // a new one for every job; workers sleep on it
int busy;           // workers that are still in the job
int wanted;         // by envdoctor_set_threads
int workers;        // that have been started in this process
int turn;           // 0: free, 1: taken, 2: taken and waited for
pid_t owner;        // workers do not survive a fork

void futex_wait(int* word, int value) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0); }
void futex_wake(int* word, int count) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0); }

inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void do_items() {
    for (;;) {
        const int64_t i = __atomic_fetch_add(&next_item, 1, __ATOMIC_RELAXED);
        if (i >= job.count) return;
        job.work(job.context, i);
    }
}

void* worker(void* begun_at) {
    int seen = static_cast<int>(reinterpret_cast<intptr_t>(begun_at));
    for (;;) {
        for (int i = 0; i < kSpins && __atomic_load_n(&round_number, __ATOMIC_ACQUIRE) == seen; ++i) relax();
        while (__atomic_load_n(&round_number, __ATOMIC_ACQUIRE) == seen) futex_wait(&round_number, seen);
        seen = __atomic_load_n(&round_number, __ATOMIC_ACQUIRE);
        do_items();
        if (__atomic_sub_fetch(&busy, 1, __ATOMIC_RELEASE) == 0) futex_wake(&busy, 1);
    }
    return nullptr;
}

int allowed() {
    cpu_set_t set;
    const int here = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return here < kMost ? here : kMost;
}

void start_up_to(int count) {
    if (owner != getpid()) {
        owner = getpid();
        workers = 0;
    }
    while (workers < count) {
        pthread_t thread;
        const intptr_t now = __atomic_load_n(&round_number, __ATOMIC_RELAXED);
        if (pthread_create(&thread, nullptr, worker, reinterpret_cast<void*>(now)) != 0) return;
        ++workers;
    }
}

void take_turn() {
    int expected = 0;
    if (__atomic_compare_exchange_n(&turn, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
    while (__atomic_exchange_n(&turn, 2, __ATOMIC_ACQUIRE) != 0) futex_wait(&turn, 2);
}

void give_turn() {
    if (__atomic_exchange_n(&turn, 0, __ATOMIC_RELEASE) == 2) futex_wake(&turn, 1);
}

}  // namespace

void envdoctor_set_threads(int count) { __atomic_store_n(&wanted, count < 0 ? 0 : count, __ATOMIC_RELAXED); }

int envdoctor_threads() {
    const int most = allowed(), asked = __atomic_load_n(&wanted, __ATOMIC_RELAXED);
    return asked && asked < most ? asked : most;
}

void parallel(int64_t count, void (*work)(const void*, int64_t), const void* context) {
    const int threads = count > 1 ? envdoctor_threads() : 1;
    if (threads <= 1) {
        for (int64_t i = 0; i < count; ++i) work(context, i);
        return;
    }
    take_turn();
    start_up_to(threads - 1);
    job = {work, context, count};
    __atomic_store_n(&next_item, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&busy, workers, __ATOMIC_RELAXED);
    __atomic_add_fetch(&round_number, 1, __ATOMIC_RELEASE);
    futex_wake(&round_number, INT_MAX);
    do_items();
    for (int i = 0; i < kSpins && __atomic_load_n(&busy, __ATOMIC_ACQUIRE); ++i) relax();
    for (int left; (left = __atomic_load_n(&busy, __ATOMIC_ACQUIRE)) != 0;) futex_wait(&busy, left);
    give_turn();
}
