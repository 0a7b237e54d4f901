// Package house has the tests that look at the module as a whole: which package
// may import which, what is exported, and that the examples can leave it.
package house
