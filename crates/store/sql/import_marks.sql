-- Which beginnings of files were imported into a site, longest first.
SELECT DISTINCT bytes, sha256 FROM imports WHERE site = {site:String} ORDER BY bytes DESC, sha256
