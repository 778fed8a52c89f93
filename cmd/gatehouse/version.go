package main

// version is what `make build` stamps: the tag or commit that was built.
var version = "unreleased"
