//! Sine, cosine and tangent, rounded as Go rounds them on amd64.
//!
//! The method is S. L. Moshier's (Cephes, 1984): the distance from the nearest even multiple of π/4, then polynomials.
//! Far from zero the distance is Payne's and Hanek's, with as many digits of 4/π as it takes (K. C. Ng, "Argument
//! reduction for huge arguments: good to the last bit", 1992).

use std::f64::consts::{FRAC_2_PI, FRAC_PI_4};

use super::polynomial::horner;

/// Terms of the sine, highest power first.
const SINE: [f64; 6] = [
    1.589_623_015_765_465_6e-10,
    -2.505_074_776_285_780_7e-8,
    2.755_731_362_138_572_2e-6,
    -1.984_126_982_958_954e-4,
    8.333_333_333_322_118e-3,
    -0.166_666_666_666_666_3,
];
/// Terms of the cosine, highest power first.
const COSINE: [f64; 6] = [
    -1.135_853_652_138_768_2e-11,
    2.087_570_084_197_473e-9,
    -2.755_731_417_929_674e-7,
    2.480_158_728_885_170_4e-5,
    -1.388_888_888_887_305_6e-3,
    0.041_666_666_666_666_595,
];
/// Numerator and denominator of the tangent, highest power first.
const TANGENT_ABOVE: [f64; 3] = [-13_093.693_918_138_379, 1_153_516.648_385_874_2, -17_956_525.197_648_488];
const TANGENT_BELOW: [f64; 5] =
    [1.0, 13_681.296_347_069_296, -1_320_892.344_402_109_7, 25_008_380.182_335_79, -53_869_575.592_945_464];
/// π/4 in three parts.
const QUARTER: [f64; 3] = [0.785_398_125_648_498_5, 3.774_894_707_930_798e-8, 2.695_151_429_079_059_5e-15];
/// From here on three parts of π/4 are too few.
const FAR: f64 = (1_u32 << 29) as f64;
/// 4/π in binary: the whole number, then the digits behind the point.
const FOUR_BY_PI: [u64; 20] = [
    0x0000_0000_0000_0001,
    0x45f3_06dc_9c88_2a53,
    0xf84e_afa3_ea69_bb81,
    0xb6c5_2b32_7887_2083,
    0xfca2_c757_bd77_8ac3,
    0x6e48_dc74_849b_a5c0,
    0x0c92_5dd4_13a3_2439,
    0xfc3b_d639_6253_4e7d,
    0xd104_6bea_5d76_8909,
    0xd338_e04d_68be_fc82,
    0x7323_ac73_06a6_73e9,
    0x3908_bf17_7bf2_5076,
    0x3ff1_2fff_bc0b_301f,
    0xde5e_2316_b414_da3e,
    0xda6c_fd9e_4f96_136e,
    0x9e8c_7ecd_3cbf_d45a,
    0xea4f_758f_d7cb_e2f6,
    0x7a0e_73ef_14a5_25d4,
    0xd7f6_bf62_3f1a_ba10,
    0xac06_608d_f8f6_d757,
];

/// The sine of an angle; NaN of infinite ones.
pub(crate) fn sin(x: f64) -> f64 {
    odd(x, |x| {
        let (octant, rest) = reduced(x);
        let sine = if octant & 2 == 0 { sine_near_zero(rest) } else { cosine_near_zero(rest) };
        if octant > 3 { -sine } else { sine }
    })
}

/// The cosine of an angle; NaN of infinite ones.
pub(crate) fn cos(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (octant, rest) = reduced(x.abs());
    let cosine = if octant & 2 == 0 { cosine_near_zero(rest) } else { sine_near_zero(rest) };
    if octant == 2 || octant == 4 { -cosine } else { cosine }
}

/// The tangent of an angle; NaN of infinite ones.
pub(crate) fn tan(x: f64) -> f64 {
    odd(x, |x| {
        let (octant, rest) = reduced(x);
        let tangent = tangent_near_zero(rest);
        if octant & 2 == 0 { tangent } else { -1.0 / tangent }
    })
}

/// A function with f(-x) = -f(x), from its values for positive angles.
fn odd(x: f64, of_positive: impl Fn(f64) -> f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        x
    } else if x.is_infinite() {
        f64::NAN
    } else if x < 0.0 {
        -of_positive(-x)
    } else {
        of_positive(x)
    }
}

fn tangent_near_zero(x: f64) -> f64 {
    let square = x * x;
    match square > 1e-14 {
        true => x + x * (square * horner(&TANGENT_ABOVE, square) / horner(&TANGENT_BELOW, square)),
        false => x,
    }
}

fn sine_near_zero(x: f64) -> f64 {
    let square = x * x;
    x + x * square * horner(&SINE, square)
}

fn cosine_near_zero(x: f64) -> f64 {
    let square = x * x;
    1.0 - 0.5 * square + square * square * horner(&COSINE, square)
}

/// The nearest even octant of the circle (0, 2, 4, 6) and the distance from where it begins, for `x >= 0`.
fn reduced(x: f64) -> (u64, f64) {
    if x >= FAR {
        return reduced_far(x);
    }
    let octants = (x * (2.0 * FRAC_2_PI)) as u64;
    let even = octants + (octants & 1);
    let rest = QUARTER.iter().fold(x, |rest, part| rest - even as f64 * part);
    (even & 7, rest)
}

/// [`reduced`] for `x >= π/4`: the mantissa times those 192 bits of 4/π that decide octant and rest.
fn reduced_far(x: f64) -> (u64, f64) {
    const MANTISSA_BITS: u32 = 52;
    let bits = x.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as usize & 0x7ff;
    let mantissa = u128::from(bits & ((1 << MANTISSA_BITS) - 1) | 1 << MANTISSA_BITS);
    // The exponent of the mantissa's last bit is `exponent - 1075`; the product's first bit shall count 2^2.
    let first = exponent + 61 - 1075;
    let digit = |i: usize| {
        let pair = u128::from(FOUR_BY_PI[first / 64 + i]) << 64 | u128::from(FOUR_BY_PI[first / 64 + i + 1]);
        u128::from((pair << (first % 64) >> 64) as u64)
    };
    let product = (digit(0).wrapping_mul(mantissa) << 64)
        .wrapping_add(digit(1).wrapping_mul(mantissa))
        .wrapping_add(digit(2).wrapping_mul(mantissa) >> 64);
    let octant = (product >> 125) as u64;
    // A float leaves the leading one out. What moves in behind is, as in Go, not what would follow, but these digits.
    let (fraction, behind) = ((product >> 61) as u64, product as u64);
    let zeros = fraction.leading_zeros().min(62);
    let mantissa = (fraction << (zeros + 1) | behind >> (63 - zeros)) >> (64 - MANTISSA_BITS);
    let fraction = f64::from_bits((1022 - u64::from(zeros)) << MANTISSA_BITS | mantissa);
    let odd = octant & 1;
    ((octant + odd) & 7, (fraction - odd as f64) * FRAC_PI_4)
}
