//! Waits for several futures at once, starting them in their order.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

/// Runs all futures together; each poll goes through them in order, so that what they enqueue at once is enqueued in order.
pub(crate) async fn join<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<(Pin<Box<F>>, Option<F::Output>)> =
        futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
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
