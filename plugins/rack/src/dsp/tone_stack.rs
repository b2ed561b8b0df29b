//! The passive tone control of the 1959 Bassman 5F6-A: bass, middle and treble interact as in the circuit.
//!
//! Source: D. T. Yeh, J. O. Smith, "Discretization of the '59 Fender Bassman Tone Stack", DAFx-06: the transfer function
//! (eq. 1), the parts' values, the bass control's logarithmic taper and the bilinear transform.

const R1: f64 = 250e3;
const R2: f64 = 1e6;
const R3: f64 = 25e3;
const R4: f64 = 56e3;
const C1: f64 = 250e-12;
const C2: f64 = 20e-9;
const C3: f64 = 20e-9;

/// Positions of the three controls, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Controls {
    /// Resistance of the bass control, tapered logarithmically.
    pub bass: f64,
    /// Wiper of the middle control.
    pub middle: f64,
    /// Wiper of the treble control.
    pub treble: f64,
}

/// Coefficients of `H(s) = (b1 s + b2 s^2 + b3 s^3) / (1 + a1 s + a2 s^2 + a3 s^3)`, as `(b0..b3, a0..a3)`.
pub fn analog_coefficients(controls: Controls) -> ([f64; 4], [f64; 4]) {
    let Controls { bass, middle: m, treble: t } = controls;
    let l = ((bass - 1.0) * 3.4).exp();
    let b1 = t * C1 * R1 + m * C3 * R3 + l * (C1 * R2 + C2 * R2) + (C1 * R3 + C2 * R3);
    let b2 = t * (C1 * C2 * R1 * R4 + C1 * C3 * R1 * R4) - m * m * (C1 * C3 * R3 * R3 + C2 * C3 * R3 * R3)
        + m * (C1 * C3 * R1 * R3 + C1 * C3 * R3 * R3 + C2 * C3 * R3 * R3)
        + l * (C1 * C2 * R1 * R2 + C1 * C2 * R2 * R4 + C1 * C3 * R2 * R4)
        + l * m * (C1 * C3 * R2 * R3 + C2 * C3 * R2 * R3)
        + (C1 * C2 * R1 * R3 + C1 * C2 * R3 * R4 + C1 * C3 * R3 * R4);
    let ccc = C1 * C2 * C3;
    let b3 = l * m * ccc * (R1 * R2 * R3 + R2 * R3 * R4) - m * m * ccc * (R1 * R3 * R3 + R3 * R3 * R4)
        + m * ccc * (R1 * R3 * R3 + R3 * R3 * R4)
        + t * ccc * R1 * R3 * R4
        - t * m * ccc * R1 * R3 * R4
        + t * l * ccc * R1 * R2 * R4;
    let a1 = (C1 * R1 + C1 * R3 + C2 * R3 + C2 * R4 + C3 * R4) + m * C3 * R3 + l * (C1 * R2 + C2 * R2);
    let a2 = m * (C1 * C3 * R1 * R3 - C2 * C3 * R3 * R4 + C1 * C3 * R3 * R3 + C2 * C3 * R3 * R3)
        + l * m * (C1 * C3 * R2 * R3 + C2 * C3 * R2 * R3)
        - m * m * (C1 * C3 * R3 * R3 + C2 * C3 * R3 * R3)
        + l * (C1 * C2 * R2 * R4 + C1 * C2 * R1 * R2 + C1 * C3 * R2 * R4 + C2 * C3 * R2 * R4)
        + (C1 * C2 * R1 * R4
            + C1 * C3 * R1 * R4
            + C1 * C2 * R3 * R4
            + C1 * C2 * R1 * R3
            + C1 * C3 * R3 * R4
            + C2 * C3 * R3 * R4);
    let a3 = l * m * ccc * (R1 * R2 * R3 + R2 * R3 * R4) - m * m * ccc * (R1 * R3 * R3 + R3 * R3 * R4)
        + m * ccc * (R3 * R3 * R4 + R1 * R3 * R3 - R1 * R3 * R4)
        + l * ccc * R1 * R2 * R4
        + ccc * R1 * R3 * R4;
    ([0.0, b1, b2, b3], [1.0, a1, a2, a3])
}

/// The tone stack as a digital filter of third order, in transposed direct form II and double precision.
#[derive(Clone, Debug)]
pub struct ToneStack {
    rate: f64,
    b: [f64; 4],
    a: [f64; 3],
    states: [f64; 3],
}

impl ToneStack {
    /// A filter for signals of `rate` hertz.
    pub fn new(rate: f64, controls: Controls) -> Self {
        let mut stack = Self { rate, b: [0.0; 4], a: [0.0; 3], states: [0.0; 3] };
        stack.set(controls);
        stack
    }

    /// Turns the controls. Meant for small steps: the past is kept.
    pub fn set(&mut self, controls: Controls) {
        let (b, a) = analog_coefficients(controls);
        let (b, a) = (self.bilinear(b), self.bilinear(a));
        self.b = b.map(|x| x / a[0]);
        self.a = [a[1] / a[0], a[2] / a[0], a[3] / a[0]];
    }

    /// Replaces `s` by `2 fs (1 - 1/z) / (1 + 1/z)` in a cubic and clears the denominator.
    fn bilinear(&self, p: [f64; 4]) -> [f64; 4] {
        let c = 2.0 * self.rate;
        let [p0, p1, p2, p3] = [p[0], p[1] * c, p[2] * c * c, p[3] * c * c * c];
        [p0 + p1 + p2 + p3, 3.0 * p0 + p1 - p2 - 3.0 * p3, 3.0 * p0 - p1 - p2 + 3.0 * p3, p0 - p1 + p2 - p3]
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.states = [0.0; 3];
    }

    /// One sample.
    pub fn tick(&mut self, input: f32) -> f32 {
        let x = f64::from(input);
        let [s0, s1, s2] = self.states;
        let y = self.b[0] * x + s0;
        self.states =
            [self.b[1] * x - self.a[0] * y + s1, self.b[2] * x - self.a[1] * y + s2, self.b[3] * x - self.a[2] * y];
        y as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::testing::magnitude_at;

    type Complex = (f64, f64);

    fn divide(a: Complex, b: Complex) -> Complex {
        let n = b.0 * b.0 + b.1 * b.1;
        ((a.0 * b.0 + a.1 * b.1) / n, (a.1 * b.0 - a.0 * b.1) / n)
    }

    fn minus_product(a: Complex, b: Complex, c: Complex) -> Complex {
        (a.0 - (b.0 * c.0 - b.1 * c.1), a.1 - (b.0 * c.1 + b.1 * c.0))
    }

    /// `|H|` of the cubic fraction at `frequency`.
    fn analog_magnitude(controls: Controls, frequency: f64) -> f64 {
        let w = std::f64::consts::TAU * frequency;
        let (b, a) = analog_coefficients(controls);
        let at = |p: [f64; 4]| (p[0] - p[2] * w * w, p[1] * w - p[3] * w * w * w);
        let h = divide(at(b), at(a));
        h.0.hypot(h.1)
    }

    /// `|H|` by nodal analysis of the circuit itself, independent of the paper's algebra:
    ///
    /// ```text
    ///  in --C1-- A --(1-t)R1-- out --tR1-- C          nodes A, out, C, B, D, E; a source drives `in` with 1 V
    ///  in --R4-- B --C2-- C --lR2-- E --(1-m)R3-- D --mR3-- ground,   B --C3-- D
    /// ```
    fn circuit_magnitude(controls: Controls, frequency: f64) -> f64 {
        let w = std::f64::consts::TAU * frequency;
        let l = ((controls.bass - 1.0) * 3.4).exp();
        let (m, t) = (controls.middle, controls.treble);
        let resistor = |r: f64| (1.0 / r, 0.0);
        let capacitor = |c: f64| (0.0, w * c);
        let [a, out, c, b, d, e]: [usize; 6] = [0, 1, 2, 3, 4, 5];
        const GROUND: usize = 6;
        const IN: usize = 7;
        let parts = [
            (IN, a, capacitor(C1)),
            (a, out, resistor((1.0 - t) * R1)),
            (out, c, resistor(t * R1)),
            (IN, b, resistor(R4)),
            (b, c, capacitor(C2)),
            (c, e, resistor(l * R2)),
            (e, d, resistor((1.0 - m) * R3)),
            (d, GROUND, resistor(m * R3)),
            (b, d, capacitor(C3)),
        ];
        let mut rows = [[(0.0, 0.0); 7]; 6];
        for (p, q, y) in parts {
            for (node, other) in [(p, q), (q, p)] {
                if node < 6 {
                    let add = |cell: &mut Complex, sign: f64| *cell = (cell.0 + sign * y.0, cell.1 + sign * y.1);
                    add(&mut rows[node][node], 1.0);
                    match other {
                        IN => add(&mut rows[node][6], 1.0),
                        GROUND => {}
                        other => add(&mut rows[node][other], -1.0),
                    }
                }
            }
        }
        // Gauss-Jordan; the matrix is diagonally dominant, so no pivoting is needed.
        for pivot in 0..6 {
            for row in 0..6 {
                if row != pivot {
                    let factor = divide(rows[row][pivot], rows[pivot][pivot]);
                    let pivot_row = rows[pivot];
                    for (cell, above) in rows[row].iter_mut().zip(pivot_row) {
                        *cell = minus_product(*cell, factor, above);
                    }
                }
            }
        }
        let voltage = divide(rows[out][6], rows[out][out]);
        voltage.0.hypot(voltage.1)
    }

    const POSITIONS: [Controls; 5] = [
        Controls { bass: 0.5, middle: 0.5, treble: 0.5 },
        Controls { bass: 0.9, middle: 0.1, treble: 0.8 },
        Controls { bass: 0.1, middle: 0.9, treble: 0.2 },
        Controls { bass: 0.7, middle: 0.4, treble: 0.99 },
        Controls { bass: 0.3, middle: 0.6, treble: 0.01 },
    ];

    /// The coefficients are those of the circuit.
    #[test]
    fn transfer_function_is_the_circuit() {
        for controls in POSITIONS {
            for frequency in [20.0, 82.4, 400.0, 1000.0, 5000.0, 18_000.0] {
                let (paper, circuit) = (analog_magnitude(controls, frequency), circuit_magnitude(controls, frequency));
                assert!((paper / circuit - 1.0).abs() < 1e-6, "{controls:?} {frequency}: {paper} {circuit}");
            }
        }
    }

    /// The filter at the rate it runs at in the amp (4 x 48 kHz) follows the analytic response within 0.2 dB to 15 kHz.
    #[test]
    fn filter_follows_the_transfer_function() {
        for controls in POSITIONS {
            let mut stack = ToneStack::new(192_000.0, controls);
            let response: Vec<f32> = (0..65_536).map(|i| stack.tick(if i == 0 { 1.0 } else { 0.0 })).collect();
            for frequency in [60.0, 200.0, 700.0, 2500.0, 8000.0, 15_000.0] {
                let measured = f64::from(magnitude_at(&response, frequency as f32, 192_000.0));
                let expected = analog_magnitude(controls, frequency);
                let error = 20.0 * (measured / expected).log10();
                assert!(error.abs() < 0.2, "{controls:?} {frequency} Hz: {error} dB");
            }
        }
    }
}
