//! Percentiles of a handful of values, by rank.

/// The value, of sorted ones, that `share` of all are not above; 0 without values.
pub fn percentile(sorted: &[u64], share: f64) -> u64 {
    debug_assert!(sorted.is_sorted());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is a rank"
    )]
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}
