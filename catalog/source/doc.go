// Package source reads the files of which extracts are made, as they come from
// elsewhere: packed, in older encodings, as FHIR resources or as Parquet. It knows
// forms, not people: what a row means, and what becomes of it, is the catalogue's.
//
// Everything in it reads what strangers wrote. Sizes that a file claims are
// bounded before memory is given for them, a stream that is cut or damaged is an
// error and never a shorter file, and no error bears a value of the file.
package source
