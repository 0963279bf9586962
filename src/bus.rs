//! The only road between workers and control: directives down, reports up, log records out.
