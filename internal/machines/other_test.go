//go:build !linux

package machines

import (
	"fmt"
	"os"
	"testing"
)

// The processes need signals, inherited listeners and namespaces as Linux has them.
func TestMachines(t *testing.T) {
	fmt.Fprintln(os.Stderr, "==== MACHINES TESTS SKIPPED: they need Linux ====")
	t.Skip("it needs Linux")
}
