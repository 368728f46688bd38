//! Waits for several futures at once, starting them in their order.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

/// Runs all futures together; each poll goes through them in order, so that what they enqueue at once is enqueued in order.
pub(crate) async fn join<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| Running::Waiting(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for one in &mut running {
            if let Running::Waiting(future) = one {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *one = Running::Done(output),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let output = |one| match one {
        Running::Done(output) => Some(output),
        Running::Waiting(_) => None,
    };
    running.into_iter().filter_map(output).collect()
}

enum Running<F: Future> {
    Waiting(Pin<Box<F>>),
    Done(F::Output),
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn starts_in_order_and_returns_in_order() {
        let started = RefCell::new(Vec::new());
        let outputs = join([3, 1, 2].map(|number| {
            let started = &started;
            async move {
                started.borrow_mut().push(number);
                for _ in 0..number {
                    tokio::task::yield_now().await;
                }
                number
            }
        }))
        .await;
        assert_eq!((started.into_inner(), outputs), (vec![3, 1, 2], vec![3, 1, 2]));
    }
}
