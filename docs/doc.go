// Package docs holds the guides. Its tests check that the code in them compiles:
// every Go block of a guide stands in a compiled file.
package docs
