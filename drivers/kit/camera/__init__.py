"""What cameras over HTTP share: who asks, who answers, the multipart stream, the process that judges pictures."""
