-- Which beginnings of files were imported into a site, longest first. An insert is noted as begun and then as done.
SELECT bytes, sha256, hits_wait, max(fold_version) AS fold_version, min(begun) AS begun
FROM imports WHERE site = {site:String} GROUP BY bytes, sha256, hits_wait ORDER BY bytes DESC, sha256, hits_wait
