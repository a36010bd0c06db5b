package desk_test

import (
	"testing"

	"github.com/orderlyhq/orderly/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
