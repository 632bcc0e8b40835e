//! The cursors, step by step, and against a plain vector.

use proptest::prelude::*;

use super::*;

fn put(buffer: &mut ReadBuffer, bytes: &[u8]) {
    buffer.space(bytes.len(), usize::MAX)[..bytes.len()].copy_from_slice(bytes);
    buffer.filled(bytes.len());
}

#[test]
fn storage_comes_and_goes() {
    let mut buffer = ReadBuffer::new();
    assert!(!buffer.has_storage());
    buffer.attach(vec![0; 8]);
    assert!(buffer.has_storage() && buffer.is_empty());
    put(&mut buffer, b"abc");
    buffer.consume(3);
    assert_eq!(buffer.detach().len(), 8);
    assert!(!buffer.has_storage());
}

#[test]
fn space_compacts_then_grows_up_to_max() {
    let mut buffer = ReadBuffer::new();
    buffer.attach(vec![0; 8]);
    put(&mut buffer, b"abcdefgh");
    buffer.consume(6);
    assert_eq!(buffer.space(4, 32).len(), 6, "compacted, not grown");
    assert_eq!(buffer.unread(), b"gh");
    assert_eq!(buffer.space(7, 32).len(), 14, "doubled");
    assert_eq!(buffer.space(20, 32).len(), 30, "doubled again");
    assert_eq!(buffer.space(1000, 40).len(), 38, "but no further than max");
    assert_eq!(buffer.space(1, 2).len(), 0, "full at max");
    assert_eq!(buffer.unread(), b"gh");
}

#[test]
fn a_tail_can_lose_a_gap_while_the_front_is_borrowed() {
    let mut buffer = ReadBuffer::new();
    put(&mut buffer, b"xheadABgapCD");
    buffer.consume(1);
    let (front, mut tail) = buffer.split_at(4);
    tail.remove_gap(2, 3);
    tail.remove_gap(0, 0);
    tail.unread()[0] = b'a';
    assert_eq!(tail.into_unread(), b"aBCD");
    assert_eq!(front, b"head");
    assert_eq!(buffer.unread(), b"headaBCD");
}

#[test]
fn writing_and_sending() {
    let mut buffer = WriteBuffer::new();
    assert!(!buffer.has_storage());
    buffer.attach(Vec::with_capacity(16));
    buffer.out().extend_from_slice(b"abcdef");
    buffer.sent(2);
    assert_eq!((buffer.out().len(), buffer.unsent()), (6, b"cdef".as_slice()));
    buffer.sent(1);
    assert_eq!((buffer.out().len(), buffer.unsent()), (3, b"def".as_slice()));
    buffer.sent(3);
    assert!(buffer.is_empty());
    assert_eq!(buffer.out().len(), 0);
    let bytes = buffer.detach();
    assert!(bytes.is_empty() && bytes.capacity() == 16);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_read_buffer_is_a_queue(steps in proptest::collection::vec((0_u8..3, 0_usize..40), 0..60)) {
        let (mut buffer, mut model, mut next) = (ReadBuffer::new(), Vec::new(), 0_u8);
        for (verb, n) in steps {
            match verb {
                0 => {
                    let space = buffer.space(n, 64);
                    let n = n.min(space.len());
                    for byte in &mut space[..n] {
                        next = next.wrapping_add(1);
                        *byte = next;
                        model.push(next);
                    }
                    buffer.filled(n);
                }
                1 => {
                    let n = n.min(model.len());
                    buffer.consume(n);
                    model.drain(..n);
                }
                _ => {
                    let at = n.min(model.len());
                    let gap = (n / 3).min(model.len() - at);
                    buffer.split_at(0).1.remove_gap(at, gap);
                    model.drain(at..at + gap);
                }
            }
            prop_assert_eq!(buffer.unread(), model.as_slice());
            prop_assert_eq!(buffer.len(), model.len());
            prop_assert!(buffer.capacity() <= 64);
        }
    }
}
