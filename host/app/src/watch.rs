//! What a plugin does inside its process call, for the doctor: memory, locks and calls into the system.
//!
//! The program defines the C library's own names for memory and locks, which takes precedence for every plugin it loads,
//! and counts while a thread is watched. Calls into the system are stopped at the system's border, told by a signal and
//! carried out by its handler. A thread that is not watched pays one look at a flag of its own. Elsewhere than on Linux
//! with glibc nothing is measured.

use crosspoint::formats::doctor::{CallWatch, Calls};

/// Watches the calling thread.
pub struct Watch;

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
impl CallWatch for Watch {
    fn begin(&self) {}

    fn end(&self) -> Calls {
        Calls::default()
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
impl CallWatch for Watch {
    fn begin(&self) {
        counted::begin();
        #[cfg(target_arch = "x86_64")]
        system::begin();
    }

    fn end(&self) -> Calls {
        // The gate is opened first, and counting is over before the call's name takes memory.
        #[cfg(target_arch = "x86_64")]
        system::open();
        let counted::Counts { allocations, frees, locks, held } = counted::end();
        #[cfg(target_arch = "x86_64")]
        let system_call = system::first();
        #[cfg(not(target_arch = "x86_64"))]
        let system_call = None;
        Calls {
            allocations: Some(allocations),
            frees: Some(frees),
            locks: Some(locks),
            locks_held: Some(held),
            system_call,
        }
    }
}

/// Memory and locks, by names that come before the C library's.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod counted {
    use std::cell::Cell;
    use std::ffi::{CStr, c_int, c_void};
    use std::sync::atomic::{AtomicPtr, Ordering};

    /// Calls since the thread is watched.
    #[derive(Clone, Copy, Default)]
    pub struct Counts {
        pub allocations: u64,
        pub frees: u64,
        pub locks: u64,
        /// Those that someone else had at that moment.
        pub held: u64,
    }

    thread_local! {
        /// None while the thread is not watched. Needs neither memory nor an end.
        static COUNTS: Cell<Option<Counts>> = const { Cell::new(None) };
    }

    pub fn begin() {
        COUNTS.set(Some(Counts::default()));
    }

    fn is_watched() -> bool {
        COUNTS.with(|counts| counts.get().is_some())
    }

    pub fn end() -> Counts {
        COUNTS.take().unwrap_or_default()
    }

    #[inline]
    fn count(add: fn(&mut Counts)) {
        COUNTS.with(|cell| {
            if let Some(mut counts) = cell.get() {
                add(&mut counts);
                cell.set(Some(counts));
            }
        });
    }

    unsafe extern "C" {
        fn __libc_malloc(size: usize) -> *mut c_void;
        fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
        fn __libc_realloc(memory: *mut c_void, size: usize) -> *mut c_void;
        fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
        fn __libc_free(memory: *mut c_void);
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
        count(|counts| counts.allocations += 1);
        // SAFETY: the C library's own, as the caller asked for it.
        unsafe { __libc_malloc(size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
        count(|counts| counts.allocations += 1);
        // SAFETY: the C library's own, as the caller asked for it.
        unsafe { __libc_calloc(number, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn realloc(memory: *mut c_void, size: usize) -> *mut c_void {
        count(|counts| counts.allocations += 1);
        // SAFETY: the C library's own, as the caller asked for it.
        unsafe { __libc_realloc(memory, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
        count(|counts| counts.allocations += 1);
        // SAFETY: the C library's own, as the caller asked for it.
        unsafe { __libc_memalign(alignment, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn posix_memalign(to: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
        count(|counts| counts.allocations += 1);
        if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<*mut c_void>()) {
            return libc::EINVAL;
        }
        // SAFETY: the C library's own, as the caller asked for it.
        let memory = unsafe { __libc_memalign(alignment, size) };
        if memory.is_null() {
            return libc::ENOMEM;
        }
        // SAFETY: the caller gives a place for a pointer.
        unsafe { to.write(memory) };
        0
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn free(memory: *mut c_void) {
        if !memory.is_null() {
            count(|counts| counts.frees += 1);
        }
        // SAFETY: the C library's own, as the caller asked for it.
        unsafe { __libc_free(memory) }
    }

    /// A function of the C library behind one of the same name here.
    struct Behind {
        name: &'static CStr,
        found: AtomicPtr<c_void>,
    }

    impl Behind {
        const fn of(name: &'static CStr) -> Self {
            Self { name, found: AtomicPtr::new(std::ptr::null_mut()) }
        }

        /// None where the C library has no such function.
        fn get<L>(&self) -> Option<unsafe extern "C" fn(*mut L) -> c_int> {
            let mut function = self.found.load(Ordering::Relaxed);
            if function.is_null() {
                // SAFETY: a C string.
                function = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
                self.found.store(function, Ordering::Relaxed);
            }
            // SAFETY: a pointer to a function or null, which is none; all names here take a lock and answer with a number.
            unsafe { std::mem::transmute::<*mut c_void, Option<unsafe extern "C" fn(*mut L) -> c_int>>(function) }
        }
    }

    /// Takes a lock by the C library's `take`; on a thread that is watched it tries first, which tells whether the lock is
    /// free.
    ///
    /// # Safety
    /// Both take such a lock, and `lock` is one that the caller may take.
    unsafe fn take<L>(lock: *mut L, take: &Behind, attempt: &Behind) -> c_int {
        if is_watched() {
            count(|counts| counts.locks += 1);
            if let Some(attempt) = attempt.get() {
                // SAFETY: promised by the caller.
                let result = unsafe { attempt(lock) };
                if result != libc::EBUSY {
                    return result;
                }
                count(|counts| counts.held += 1);
            }
        }
        // SAFETY: promised by the caller.
        take.get().map_or(libc::ENOSYS, |take| unsafe { take(lock) })
    }

    /// Defines a function of the C library's that takes a lock.
    macro_rules! taking {
        ($name:ident, $attempt:literal, $lock:ty) => {
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name(lock: *mut $lock) -> c_int {
                const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("a name ends with a zero"),
                };
                static TAKE: Behind = Behind::of(NAME);
                static ATTEMPT: Behind = Behind::of($attempt);
                // SAFETY: the C library's functions of these names; the lock is the caller's.
                unsafe { take(lock, &TAKE, &ATTEMPT) }
            }
        };
    }

    taking!(pthread_mutex_lock, c"pthread_mutex_trylock", libc::pthread_mutex_t);
    taking!(pthread_rwlock_rdlock, c"pthread_rwlock_tryrdlock", libc::pthread_rwlock_t);
    taking!(pthread_rwlock_wrlock, c"pthread_rwlock_trywrlock", libc::pthread_rwlock_t);
    taking!(pthread_spin_lock, c"pthread_spin_trylock", libc::pthread_spinlock_t);
}

/// Calls into the system, by Linux's dispatch of them to a signal handler (5.11 and later; `Syscall User Dispatch` in the
/// kernel's documentation). A thread's calls are stopped while a byte of its says so.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod system {
    use crosspoint::formats::doctor::SystemCall;
    use std::cell::Cell;
    use std::ffi::{c_int, c_long, c_void};
    use std::sync::atomic::{AtomicU8, Ordering};

    const PR_SET_SYSCALL_USER_DISPATCH: c_int = 59;
    const PR_SYS_DISPATCH_ON: c_int = 1;
    const ALLOW: u8 = 0;
    const BLOCK: u8 = 1;

    /// Whether the thread's calls can be stopped.
    #[derive(Clone, Copy, PartialEq)]
    enum Gate {
        NotTried,
        There,
        Missing,
    }

    thread_local! {
        static SELECTOR: AtomicU8 = const { AtomicU8::new(ALLOW) };
        static GATE: Cell<Gate> = const { Cell::new(Gate::NotTried) };
        /// The first call since the thread is watched, or none.
        static FIRST: Cell<Option<c_int>> = const { Cell::new(None) };
    }

    pub fn begin() {
        if GATE.get() == Gate::NotTried {
            GATE.set(if build() { Gate::There } else { Gate::Missing });
        }
        FIRST.set(None);
        if GATE.get() == Gate::There {
            SELECTOR.with(|selector| selector.store(BLOCK, Ordering::SeqCst));
        }
    }

    pub fn open() {
        SELECTOR.with(|selector| selector.store(ALLOW, Ordering::SeqCst));
    }

    pub fn first() -> Option<Option<SystemCall>> {
        let first = || FIRST.take().map(|number| SystemCall { name: name(number) });
        (GATE.get() == Gate::There).then(first)
    }

    fn build() -> bool {
        // SAFETY: the action is complete; the handler does nothing that a handler may not.
        let handled = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = carry_out as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) == 0
        };
        // SAFETY: the selector is the thread's own and stays until its end, and so does the dispatch.
        handled
            && SELECTOR.with(|selector| unsafe {
                libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0_u64, 0_u64, selector.as_ptr()) == 0
            })
    }

    /// Notes the call, lets it and the rest of the block's through, and gives its answer to whoever made it.
    extern "C" fn carry_out(_signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        open();
        // SAFETY: the kernel hands a valid siginfo to a handler that asked for it; for SIGSYS the number of the call
        // follows the address of the caller.
        let number = unsafe { info.cast::<u8>().add(24).cast::<c_int>().read() };
        FIRST.set(Some(number));
        // SAFETY: the kernel hands the registers at the call, which are its arguments, and takes them back.
        unsafe {
            let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
            let argument = |register: c_int| registers[register as usize];
            let (first, second, third) = (argument(libc::REG_RDI), argument(libc::REG_RSI), argument(libc::REG_RDX));
            let (fourth, fifth, sixth) = (argument(libc::REG_R10), argument(libc::REG_R8), argument(libc::REG_R9));
            let answer = libc::syscall(c_long::from(number), first, second, third, fourth, fifth, sixth);
            let answer = if answer == -1 { -i64::from(*libc::__errno_location()) } else { answer };
            registers[libc::REG_RAX as usize] = answer;
        }
    }

    /// Of the calls that plugins are likely to make; of others the number.
    fn name(number: c_int) -> String {
        let names = [
            (libc::SYS_read, "read"),
            (libc::SYS_write, "write"),
            (libc::SYS_openat, "openat"),
            (libc::SYS_close, "close"),
            (libc::SYS_poll, "poll"),
            (libc::SYS_mmap, "mmap"),
            (libc::SYS_munmap, "munmap"),
            (libc::SYS_madvise, "madvise"),
            (libc::SYS_brk, "brk"),
            (libc::SYS_futex, "futex"),
            (libc::SYS_nanosleep, "nanosleep"),
            (libc::SYS_clock_nanosleep, "clock_nanosleep"),
            (libc::SYS_sched_yield, "sched_yield"),
            (libc::SYS_getppid, "getppid"),
            (libc::SYS_gettid, "gettid"),
            (libc::SYS_clone3, "clone3"),
            (libc::SYS_sendto, "sendto"),
            (libc::SYS_sendmsg, "sendmsg"),
        ];
        let known = names.iter().find(|(known, _)| *known == c_long::from(number));
        known.map_or_else(|| format!("call {number}"), |(_, name)| (*name).to_owned())
    }
}
