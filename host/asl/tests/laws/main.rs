//! What holds of any definition and any data, tried on those that chance makes: data flow keeps its
//! laws, what is valid is accepted and runs to an end, what breaks a rule is refused and its place named,
//! and the text of a definition says the same however it is written.

mod breaking;
mod data_flow;
mod facts;
mod generator;
mod invariants;
mod random;
mod seeds;
mod simulation;
mod spelling;
mod trials;
mod turns;
mod validity;
