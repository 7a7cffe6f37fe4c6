//! SHA-256 (source: FIPS 180-4), so that the demo needs no further crate.

/// The first 64 primes: all constants of the function come from their roots.
const PRIMES: [u128; 64] = primes();
/// The first 32 bits of the fractions of the square roots of the first 8 primes.
const START: [u32; 8] = roots(2);
/// The first 32 bits of the fractions of the cube roots of the first 64 primes.
const ROUND: [u32; 64] = roots(3);

/// The SHA-256 of these bytes.
pub(crate) fn of(bytes: &[u8]) -> [u8; 32] {
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((bytes.len() as u64).wrapping_mul(8).to_be_bytes());

    let mut state = START;
    for block in padded.as_chunks::<64>().0 {
        mix(&mut state, block);
    }
    let mut out = [0; 32];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

fn mix(state: &mut [u32; 8], block: &[u8; 64]) {
    let mut schedule = [0_u32; 64];
    for (word, bytes) in schedule.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..64 {
        let (early, late) = (schedule[t - 15], schedule[t - 2]);
        let small0 = early.rotate_right(7) ^ early.rotate_right(18) ^ (early >> 3);
        let small1 = late.rotate_right(17) ^ late.rotate_right(19) ^ (late >> 10);
        schedule[t] = schedule[t - 16].wrapping_add(small0).wrapping_add(schedule[t - 7]).wrapping_add(small1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (constant, word) in ROUND.iter().zip(schedule) {
        let big1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let first = h.wrapping_add(big1).wrapping_add(choice).wrapping_add(*constant).wrapping_add(word);
        let big0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(big0.wrapping_add(majority)));
    }
    for (old, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *old = old.wrapping_add(new);
    }
}

const fn primes() -> [u128; 64] {
    let mut found = [0; 64];
    let (mut count, mut candidate) = (0, 2);
    while count < 64 {
        let (mut index, mut prime) = (0, true);
        while index < count {
            prime = prime && candidate % found[index] != 0;
            index += 1;
        }
        if prime {
            found[count] = candidate;
            count += 1;
        }
        candidate += 1;
    }
    found
}

/// For each of the first `N` primes the first 32 bits after the point of its square (2) or cube (3) root: the root of the
/// prime shifted left by twice or three times 32 bits, as a whole number, without the bits before the point.
const fn roots<const N: usize>(degree: u32) -> [u32; N] {
    let mut out = [0; N];
    let mut nth = 0;
    while nth < N {
        let wanted = PRIMES[nth] << (32 * degree);
        // Every root sought is below 2^37 (the square root of the eighth prime, 19, is below 2^3).
        let (mut low, mut high) = (0_u128, 1 << 37);
        while high - low > 1 {
            let middle = u128::midpoint(low, high);
            if middle.pow(degree) <= wanted {
                low = middle;
            } else {
                high = middle;
            }
        }
        out[nth] = (low & 0xffff_ffff) as u32;
        nth += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        of(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The answers are those of coreutils' `sha256sum`.
    #[test]
    fn known_answers() {
        assert_eq!(hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        // The padding: the length still fits into the last block, just no longer, and fills a block of its own.
        assert_eq!(hex(&[b'a'; 55]), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
        assert_eq!(hex(&[b'a'; 56]), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
        assert_eq!(hex(&[b'a'; 64]), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
        assert_eq!(hex(&[b'a'; 1000]), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
    }
}
