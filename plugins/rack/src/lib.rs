//! The bundled effects and instruments.
