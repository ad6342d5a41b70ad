internal import CGreen

/// Gives memory that was freed, and that the allocator keeps, back to the system. Takes milliseconds where there is much of it:
/// for a thread that serves nobody, after work that took much memory for a while.
package func giveMemoryBack() { green_give_memory_back() }
