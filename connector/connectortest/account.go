package connectortest

// accountChecks are about Connector.Check: who we are, and what the account may do.
func accountChecks() []check {
	return []check{
		{name: "check/good account", run: goodAccount},
	}
}

func goodAccount(f *fixture) {
	account, err := f.conn.Connector.Check(f.ctx())
	if err != nil {
		f.Fatalf("check: %v", err)
	}
	if account.Name == "" && account.ID == "" {
		f.Error("the account has neither name nor id: nobody can see which one is connected")
	}
	for _, finding := range account.Findings {
		if finding.Level != "warning" && finding.Level != "error" {
			f.Errorf("finding %q has the level %q, which is neither warning nor error", finding.Text, finding.Level)
		}
		if finding.Text == "" || finding.Fix == "" {
			f.Errorf("finding %+v says not both what is the matter and what to do", finding)
		}
		f.noSecretsIn("a finding", finding.Text+finding.Fix)
	}
}
