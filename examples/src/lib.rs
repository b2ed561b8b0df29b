//! Small programs that embed Crosspoint.
