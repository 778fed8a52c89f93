// Package infer proposes a dataset definition for a folder of extracts: a type, a
// treatment and a class for each column, by what a sample of its values looks
// like. It is where a custodian begins, not where they end: whatever may identify
// somebody is dropped until they say otherwise, and nothing that it writes bears a
// value of the files.
package infer
