"""A simulated XenServer 8 pool behind the real wire: XML-RPC, HTTPS, tasks, events, sessions."""
