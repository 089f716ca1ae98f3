#include "common/threads.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/types.h"

// glibc 2.34 moved threads into libc and gave the function a new version. The first one is in both, so that the library
// loads on older systems too; there the process that loads it, Python, has libpthread.
#if defined(__x86_64__) && defined(__GLIBC__)
__asm__(".symver pthread_create, pthread_create@GLIBC_2.2.5");
#elif defined(__aarch64__) && defined(__GLIBC__)
__asm__(".symver pthread_create, pthread_create@GLIBC_2.17");
#endif

namespace {

constexpr int kMost = 64;
constexpr int kSpins = 1500;  // about 20 µs: the next call of a model comes sooner, and waking takes longer

struct Job {
    void (*work)(const void*, int64_t);
    const void* context;
    int64_t count;
    int helpers;  // workers that may take part
};

Job job;
int64_t next_item;
int gate;          // 1 while workers may come in, and 2 more for each that is in; the job may not change until it is 0
int round_number;  // a new one for every job; workers sleep on it
int wanted;        // by envdoctor_set_threads
int workers;       // that have been started in this process
int begun[kMost];  // the round in which each of them was
int turn;          // 0: free, 1: taken, 2: taken and waited for
pid_t owner;       // workers do not survive a fork; -pid while that is being cleared up

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

bool come_in() {
    int seen = __atomic_load_n(&gate, __ATOMIC_RELAXED);
    while (seen & 1) {
        if (__atomic_compare_exchange_n(&gate, &seen, seen + 2, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return true;
    }
    return false;
}

void* worker(void* number) {
    const int self = static_cast<int>(reinterpret_cast<intptr_t>(number));
    int seen = begun[self];
    for (;;) {
        for (int i = 0; i < kSpins && __atomic_load_n(&round_number, __ATOMIC_ACQUIRE) == seen; ++i) relax();
        while (__atomic_load_n(&round_number, __ATOMIC_ACQUIRE) == seen) futex_wait(&round_number, seen);
        seen = __atomic_load_n(&round_number, __ATOMIC_ACQUIRE);
        if (!come_in()) continue;  // too late: the others have done it all
        if (self < job.helpers) do_items();
        if (__atomic_sub_fetch(&gate, 2, __ATOMIC_RELEASE) == 0) futex_wake(&gate, 1);
    }
    return nullptr;
}

int allowed() {
    cpu_set_t set;
    const int here = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return here < kMost ? here : kMost;
}

// What a parent's threads were doing when it forked is never finished here.
void clear_up_after_fork() {
    const pid_t self = getpid();
    pid_t seen = __atomic_load_n(&owner, __ATOMIC_ACQUIRE);
    if (seen == self) return;
    if (seen != -self && __atomic_compare_exchange_n(&owner, &seen, -self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        gate = workers = turn = 0;
        __atomic_store_n(&owner, self, __ATOMIC_RELEASE);
    }
    while (__atomic_load_n(&owner, __ATOMIC_ACQUIRE) != self) relax();
}

void start_up_to(int count) {
    while (workers < count) {
        pthread_t thread;
        begun[workers] = __atomic_load_n(&round_number, __ATOMIC_RELAXED);
        void* const number = reinterpret_cast<void*>(static_cast<intptr_t>(workers));
        if (pthread_create(&thread, nullptr, worker, number) != 0) return;
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
    clear_up_after_fork();
    take_turn();
    start_up_to(threads - 1);
    job = {work, context, count, threads - 1};
    __atomic_store_n(&next_item, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    __atomic_add_fetch(&round_number, 1, __ATOMIC_RELEASE);
    futex_wake(&round_number, INT_MAX);
    do_items();
    // Waits for those who are at work, not for those who have not woken yet.
    int left = __atomic_and_fetch(&gate, ~1, __ATOMIC_ACQ_REL);
    for (int i = 0; i < kSpins && left; ++i, left = __atomic_load_n(&gate, __ATOMIC_ACQUIRE)) relax();
    for (; left; left = __atomic_load_n(&gate, __ATOMIC_ACQUIRE)) futex_wait(&gate, left);
    give_turn();
}

int64_t items_of_piece(int64_t count, int64_t products_of_item, int64_t multiple) {
    constexpr int64_t kPiecesPerThread = 4, kProductsOfPiece = 1 << 17;
    const int64_t share = ceil_div(count, envdoctor_threads() * kPiecesPerThread);
    const int64_t least = ceil_div(kProductsOfPiece, products_of_item > 0 ? products_of_item : 1);
    const int64_t wanted = share > least ? share : least;
    return round_up(wanted < count ? wanted : count, multiple);
}
