// Package synth writes made-up identifiable extracts, as a shared care record
// would export them: practices' patients and events, hospitals' admissions,
// councils' social care, and the three opt-out lists. Distributions follow
// published English figures; each is cited where it stands. Nobody in the files
// exists: NHS numbers lie in ranges that are never issued, postcodes in
// districts that do not exist, LSOA, practice and trust codes outside those in
// use.
//
// People are made in blocks of a fixed size, each from a random stream of its own,
// seeded by the seed and the block's number. Blocks are made in parallel and
// written in order, so the bytes depend on nothing but people and seed, and
// memory does not grow with people.
//
// README.md beside this file gives every header, value and fault.
package synth
